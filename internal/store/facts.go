package store

import (
	"context"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"

	"zhijia/eval"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
)

// LoadFacts puts the project's own deals and patents into the store. Loading
// them again changes nothing.
func (db *DB) LoadFacts(ctx context.Context) (err error) {
	defer fault.Wrap(&err, "store.LoadFacts")
	ctx = As(ctx, Public)
	deals, err := FactDeals()
	if err != nil {
		return err
	}
	if err := db.PutDeals(ctx, deals); err != nil {
		return err
	}
	patents, err := FactPatents()
	if err != nil {
		return err
	}
	return db.MergePatents(ctx, patents, 0, nil)
}

// FactDeals returns the priced deals the project ships, every row, clean or
// not.
func FactDeals() ([]Deal, error) {
	var deals []Deal
	err := eachFact("datasets/deals.csv", func(r factRow) {
		deals = append(deals, Deal{
			ID: r.text("id"), Title: r.text("title"), Description: r.text("description"), DescriptionBy: r.text("description_by"),
			Numbers: r.list("numbers"), PrintedNumbers: r.text("printed_numbers"), Patents: r.count("patents"),
			PatentKind: r.text("patent_kind"), PrintedKind: r.text("printed_kind"), IPC: r.list("ipc"),
			Amount: r.number("amount"), Currency: r.text("currency"), PriceKind: r.text("price_kind"), Usability: r.text("usability"),
			DealKind: r.text("deal_kind"), Method: r.text("method"), Basis: r.text("basis"), Appraised: r.number("appraised"),
			LicenceTerm: r.number("licence_term_years"), Date: r.date("date"), DateUnit: r.text("date_precision"), PrintedDate: r.text("printed_date"),
			RelatedParty: r.flag("related_party"), Seller: r.text("seller"), Buyer: r.text("buyer"), OwnerType: r.text("owner_type"), Market: r.text("market"), Channel: r.text("channel"),
			SourceType: r.text("source_type"), SourceURL: r.text("source_url"), Notes: r.text("notes"), Exclusion: r.text("exclusion_code"),
		})
	})
	return deals, err
}

// FactPatents returns the patents the project ships.
func FactPatents() ([]Patent, error) {
	var patents []Patent
	err := eachFact("datasets/patents.csv", func(r factRow) {
		patents = append(patents, Patent{
			Number: r.text("number"), PublicationNumber: r.text("publication_number"), Kind: r.text("kind"), Title: r.text("title"),
			Abstract: r.text("abstract"), IPC: r.list("ipc"), Filing: r.date("filing_date"), Grant: r.date("grant_date"),
			Owners: r.list("owners"), OwnerType: r.text("owner_type"), Source: r.text("source"), SourceDate: r.date("source_date"),
		})
	})
	return patents, err
}

// factRow reads the cells of one row by column name and keeps the first fault.
type factRow struct {
	cells map[string]string
	err   *error
}

func eachFact(name string, use func(factRow)) error {
	f, err := eval.FS.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return err
	}
	header := records[0]
	for i, record := range records[1:] {
		cells := make(map[string]string, len(header))
		for j, h := range header {
			cells[h] = record[j]
		}
		use(factRow{cells, &err})
		if err != nil {
			return fmt.Errorf("%s, row %d: %w", name, i+2, err)
		}
	}
	return nil
}

func (r factRow) text(column string) string {
	s, ok := r.cells[column]
	if !ok && *r.err == nil {
		*r.err = fmt.Errorf("no column %s", column)
	}
	return s
}

func (r factRow) list(column string) []string {
	if s := r.text(column); s != "" {
		return strings.Split(s, ";")
	}
	return nil
}

func (r factRow) number(column string) *float64 {
	s := r.text(column)
	if s == "" {
		return nil
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil && *r.err == nil {
		*r.err = err
	}
	return &x
}

func (r factRow) count(column string) *int {
	x := r.number(column)
	if x == nil {
		return nil
	}
	n := int(*x)
	return &n
}

func (r factRow) flag(column string) *bool {
	s := r.text(column)
	if s == "" {
		return nil
	}
	b := s == "true"
	return &b
}

func (r factRow) date(column string) calendar.Date {
	s := r.text(column)
	if s == "" {
		return calendar.Date{}
	}
	d, err := calendar.Parse(s)
	if err != nil && *r.err == nil {
		*r.err = err
	}
	return d
}
