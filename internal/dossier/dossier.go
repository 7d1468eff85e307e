// Package dossier reads what is on file about a patent: its dossier as of a day,
// and what became known of it since another.
package dossier

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"zhijia/internal/calendar"
	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// Read gathers what is on file about a patent and assembles it as of a day.
// Of pledge it reads what the parties state. It is a NotFound fault when there
// is neither a record nor an event.
func Read(ctx context.Context, db *store.DB, institution string, n patent.Number, pledge patent.PledgeFacts, on calendar.Date, days *calendar.Working) (_ patent.Dossier, err error) {
	defer fault.Wrap(&err, "dossier.Read(%s)", n)
	ctx = store.As(ctx, institution)
	r := patent.Record{Number: n, Source: "号码"}
	p, unknown := db.Patent(ctx, string(n.Key()))
	if unknown != nil && fault.KindOf(unknown) != fault.NotFound {
		return patent.Dossier{}, unknown
	}
	if unknown == nil {
		// A record may have been asked for by its publication number.
		if stored, err := patent.ParseNumber(p.Number); err == nil {
			r.Number = stored
		}
		r.Title, r.Kind, r.IPC, r.Filing, r.Published, r.Grant = p.Title, patent.Kind(p.Kind), p.IPC, p.Filing, p.Published, p.Grant
		r.Owners, r.PaidThrough, r.Source, r.SourceDate = p.Owners, p.PaidThroughYear, p.Source, p.SourceDate
		r.Adjustment, r.Extension, r.Applicants = p.AdjustmentDays, p.ExtensionDays, p.Applicants
	}
	number := string(r.Number.Key())
	if r.Sourced, err = sourced(ctx, db, number); err != nil {
		return patent.Dossier{}, err
	}
	events, err := db.Events(ctx, []string{number})
	if err != nil {
		return patent.Dossier{}, err
	}
	if unknown != nil && len(events[number]) == 0 && len(r.Sourced.Views) == 0 {
		return patent.Dossier{}, unknown
	}
	holders, err := db.PoolsHolding(ctx, institution, []string{number}, "")
	if err != nil {
		return patent.Dossier{}, err
	}
	var h patent.Holdings
	for _, x := range holders {
		h.Pools = append(h.Pools, x.Name+" "+x.Pool)
	}
	offers, err := db.Offers(ctx, institution, []string{number})
	if err != nil {
		return patent.Dossier{}, err
	}
	for i := range offers {
		kept := slices.ContainsFunc(holders, func(x store.Holder) bool { return x.Pool == offers[i].Reference })
		if o := &offers[i]; o.Product == patent.ByPool && o.Status.Burdens() && !kept { // agreed in the ledger, of a pool that is not kept here
			h.Pools = append(h.Pools, o.Reference)
		}
		hold(&h, &offers[i])
	}
	elsewhere, err := db.Interests(ctx, institution, []string{number})
	if err != nil {
		return patent.Dossier{}, err
	}
	for _, i := range elsewhere {
		h.Offered = append(h.Offered, i.Zh())
	}
	owners := slices.Concat(patent.Reduce(events[number], on).Owners, r.Owners)
	if r.Aliases, err = aliases(ctx, db, institution, pledge.Pledgors, owners); err != nil {
		return patent.Dossier{}, err
	}
	return patent.Assemble(r, events[number], h, pledge, on, days), nil
}

// hold adds an offer by another product than a pool to what holds a patent.
func hold(h *patent.Holdings, o *store.Offer) {
	who := fmt.Sprintf("%s %s，%s", o.Party, o.Reference, calendar.InChina(o.OfferedAt))
	switch {
	case o.Product == patent.ByPool || o.Product == patent.ByLicence || !o.Product.Burdens():
	case !o.Status.Burdens():
		if o.Status == encumbrance.Disputed {
			who += "，有争议"
		}
		h.Offered = append(h.Offered, o.Product.Zh()+"："+who)
	case o.Product == patent.ByPledge:
		h.Pledged = append(h.Pledged, who)
	case o.Product == patent.ByExclusiveLicence:
		h.Exclusive = append(h.Exclusive, who)
	case o.Product == patent.ByLease:
		h.Lessor, h.Titled = cmp.Or(o.Beneficiary, who), o.Status == store.Registered
	}
}

// aliases returns which of the names an institution decided to mean one of the
// owners, written otherwise.
func aliases(ctx context.Context, db *store.DB, institution string, names, owners []string) ([]patent.Alias, error) {
	if len(names) == 0 || len(owners) == 0 {
		return nil, nil
	}
	group, err := db.PartyGroups(ctx, institution, slices.Concat(names, owners))
	if err != nil {
		return nil, err
	}
	var out []patent.Alias
	for _, name := range names {
		for _, owner := range owners {
			if store.PartyKey(name) != store.PartyKey(owner) && group[name] == group[owner] {
				out = append(out, patent.Alias{Name: name, Is: owner})
				break
			}
		}
	}
	return out, nil
}

// KnownAs writes names as the owners are written where the institution decided that
// they are the same parties.
func KnownAs(ctx context.Context, db *store.DB, institution string, names, owners []string) (_ []string, err error) {
	defer fault.Wrap(&err, "dossier.KnownAs")
	ctx = store.As(ctx, institution)
	known, err := aliases(ctx, db, institution, names, owners)
	if err != nil || len(known) == 0 {
		return names, err
	}
	out := slices.Clone(names)
	for i, name := range out {
		for _, a := range known {
			if a.Name == name {
				out[i] = a.Is
			}
		}
	}
	return out, nil
}

// Alerts returns what became known about a patent after since and up to until;
// see [patent.Watched].
func Alerts(ctx context.Context, db *store.DB, n patent.Number, maturity, since, until calendar.Date, days *calendar.Working) (_ []patent.Alert, err error) {
	defer fault.Wrap(&err, "dossier.Alerts(%s)", n)
	number := string(n.Key())
	fees := patent.FeeAccount{Kind: n.Kind}
	p, unknown := db.Patent(ctx, number)
	if unknown != nil && fault.KindOf(unknown) != fault.NotFound {
		return nil, unknown
	}
	if unknown == nil {
		number = p.Number
		fees = patent.FeeAccount{Kind: patent.Kind(p.Kind), Filing: p.Filing, Granted: p.Grant, PaidThrough: p.PaidThroughYear, Added: p.AddedDays()}
	}
	events, err := db.Events(ctx, []string{number})
	if err != nil {
		return nil, err
	}
	if unknown != nil && len(events[number]) == 0 {
		return nil, unknown
	}
	w := patent.Watched{Number: number, Events: events[number], Fees: fees, Days: days}
	if !maturity.IsZero() {
		w.Loans = []patent.Loan{{Maturity: maturity}}
	}
	return w.Alerts(since, until), nil
}
