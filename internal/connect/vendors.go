package connect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
)

// distribute gives each patent its records of a set.
func distribute(asked []Asked, out []Answer, records []Record, d Document, id string, asOf calendar.Date) {
	for i := range asked {
		for _, r := range records {
			if belongs(&r, &asked[i]) {
				r.As(id, asOf)
				out[i].Records = append(out[i].Records, r)
			}
		}
		if len(out[i].Records) > 0 {
			out[i].Documents = append(out[i].Documents, d)
		}
	}
}

func readJSON(body []byte) ([]Record, []error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, []error{err}
	}
	return jsonRecords(v)
}

// lens asks the Lens API, which computes states from INPADOC: they are checked
// and not taken.
type lens struct {
	*client
	token string
}

// Fetch implements Source.
func (l *lens) Fetch(ctx context.Context, asked []Asked) ([]Answer, error) {
	out := failAll(asked, nil)
	for from := 0; from < len(asked); from += bulk {
		part := asked[from:min(from+bulk, len(asked))]
		var applications, publications []string
		for _, a := range part {
			if parts := strings.Fields(a.Number.Forms().DOCDB); len(parts) == 3 {
				if a.Number.NamesApplication() {
					applications = append(applications, parts[1])
				} else {
					publications = append(publications, parts[1])
				}
			}
		}
		should := []any{}
		if len(applications) > 0 {
			should = append(should, map[string]any{"terms": map[string]any{"application_reference.doc_number": applications}})
		}
		if len(publications) > 0 {
			should = append(should, map[string]any{"terms": map[string]any{"doc_number": publications}})
		}
		body, err := json.Marshal(map[string]any{
			"query": map[string]any{"bool": map[string]any{"must": []any{map[string]any{"term": map[string]any{"jurisdiction": "CN"}}, map[string]any{"bool": map[string]any{"should": should}}}}},
			"size":  2 * bulk,
		})
		if err != nil {
			return nil, err
		}
		r, err := l.ask(ctx, body)
		if err != nil {
			copy(out[from:], failAll(asked[from:], err))
			return out, err
		}
		if r.status != http.StatusNotFound { // 404 is also said of a result with nothing in it
			records, errs := readJSON(r.body)
			if len(errs) > 0 {
				copy(out[from:from+len(part)], failAll(part, broken(l.id, errors.Join(errs...))))
				continue
			}
			distribute(part, out[from:from+len(part)], records, r.document(l.id), "lens", calendar.InChina(l.gate.Now()))
		}
		for i := range part {
			if len(out[from+i].Records) == 0 {
				out[from+i] = missing(part[i], "not_found", "Lens 没有该专利")
			}
		}
	}
	return out, nil
}

func (l *lens) ask(ctx context.Context, body []byte) (*reply, error) {
	for again := false; ; again = true {
		if err := l.paced(ctx); err != nil {
			return nil, err
		}
		r, err := l.do(ctx, "search", http.MethodPost, l.base.JoinPath("patent", "search"), http.Header{"Authorization": {"Bearer " + l.token}, "Content-Type": {"application/json"}}, body)
		if err != nil {
			return nil, err
		}
		switch r.status {
		case http.StatusOK, http.StatusNotFound:
			return r, nil
		case http.StatusTooManyRequests:
			wait := max(retryAfter(r.header, "X-Rate-Limit-Retry-After-Seconds"), time.Second)
			if r.header.Get("X-Rate-Limit-Remaining-Request-Per-Month") == "0" || again {
				return nil, errors.Join(l.gate.Pause(ctx, l.id, l.gate.Now().Add(wait), "429"), fault.New(fault.RateLimited, "source.throttled", "Lens 请求过多，已暂停，请稍后继续。", "Lens allows no more for now; go on later."))
			}
			if err := l.gate.Sleep(ctx, wait); err != nil {
				return nil, err
			}
		case http.StatusUnauthorized, http.StatusForbidden:
			return nil, refusedKey(l.id, "ZHIJIA_LENS_TOKEN")
		default:
			return nil, broken(l.id, fmt.Errorf("HTTP %d", r.status))
		}
	}
}

func refusedKey(id, setting string) error {
	return fault.New(fault.Forbidden, "source.key", OriginOf(id).Zh+"拒绝了密钥，请核对 "+setting+"。", id+" refuses the key; check "+setting+".")
}

// patsnap asks the PatSnap API, by publication numbers.
type patsnap struct {
	*client
	key string
}

var patsnapPaths = []string{"basic-patent-data/bibliography", "advanced-patent-data/legal-data", "basic-patent-data/simple-legal-status", "basic-patent-data/claim-data"}

// Fetch implements Source.
func (p *patsnap) Fetch(ctx context.Context, asked []Asked) ([]Answer, error) {
	out := failAll(asked, nil)
	var open []int
	for i, a := range asked {
		publication := a.Publication
		if !a.Number.NamesApplication() {
			publication = string(a.Number.Key())
		}
		if asked[i].Publication = publication; publication == "" {
			out[i] = missing(a, "number.publication_needed", "智慧芽按公开（公告）号查询，而库中没有该专利的公开（公告）号")
			continue
		}
		open = append(open, i)
	}
	for len(open) > 0 {
		n := min(bulk, len(open))
		var numbers []string
		for _, i := range open[:n] {
			numbers = append(numbers, asked[i].Publication)
		}
		for k, path := range patsnapPaths {
			r, err := p.ask(ctx, path, numbers)
			if err != nil {
				for _, i := range open {
					if len(out[i].Records) == 0 {
						out[i].Err = err
					}
				}
				return out, err
			}
			records, errs := readJSON(r.body)
			if len(errs) > 0 && len(records) == 0 {
				err := errors.Join(errs...)
				if fault.Public(err).Code != "source.refused" {
					err = broken(p.id, err)
				}
				if stop := p.stops(ctx, r.body); stop != nil {
					for _, i := range open {
						out[i].Err = stop
					}
					return out, stop
				}
				if k == 0 {
					for _, i := range open[:n] {
						out[i].Err = err
					}
				}
				continue
			}
			d := r.document(p.id)
			for _, i := range open[:n] {
				part := []Answer{{}}
				distribute(asked[i:i+1], part, records, d, "patsnap", calendar.InChina(p.gate.Now()))
				out[i].Records, out[i].Documents = append(out[i].Records, part[0].Records...), append(out[i].Documents, part[0].Documents...)
			}
		}
		for _, i := range open[:n] {
			out[i].Records = joinRecords(out[i].Records)
			if len(out[i].Records) == 0 && out[i].Err == nil {
				out[i] = missing(asked[i], "not_found", "智慧芽没有该专利")
			}
		}
		open = open[n:]
	}
	return out, nil
}

func (p *patsnap) ask(ctx context.Context, path string, numbers []string) (*reply, error) {
	if err := p.paced(ctx); err != nil {
		return nil, err
	}
	u := p.base.JoinPath(strings.Split(path, "/")...)
	u.RawQuery = url.Values{"patent_number": {strings.Join(numbers, ",")}}.Encode()
	r, err := p.do(ctx, path, http.MethodGet, u, http.Header{"Authorization": {"Bearer " + p.key}}, nil)
	switch {
	case err != nil:
		return nil, err
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden:
		return nil, refusedKey(p.id, "ZHIJIA_PATSNAP_KEY")
	case r.status == http.StatusTooManyRequests:
		wait := max(retryAfter(r.header), time.Minute)
		return nil, errors.Join(p.gate.Pause(ctx, p.id, p.gate.Now().Add(wait), "429"), fault.New(fault.RateLimited, "source.throttled", "智慧芽请求过多，已暂停，请稍后继续。", "PatSnap allows no more for now; go on later."))
	case r.status != http.StatusOK && r.status != http.StatusNotFound:
		return nil, broken(p.id, fmt.Errorf("HTTP %d", r.status))
	}
	return r, nil
}

// stops reads a refusal in an answer with HTTP 200: of the platform or the quota
// it ends the asking.
func (p *patsnap) stops(ctx context.Context, body []byte) error {
	var e struct {
		Status *bool  `json:"status"`
		Code   int    `json:"error_code"`
		Text   string `json:"error_msg"`
	}
	if json.Unmarshal(body, &e) != nil || e.Status == nil || *e.Status || e.Code < 67200000 || e.Code > 67200101 {
		return nil
	}
	return errors.Join(p.gate.Pause(ctx, p.id, p.gate.Now().Add(10*time.Minute), fmt.Sprint(e.Code)),
		fault.New(fault.RateLimited, "source.refused", fmt.Sprintf("智慧芽平台拒绝了请求（%d %s），已暂停十分钟。", e.Code, clip(e.Text, 100)), fmt.Sprintf("The platform of PatSnap refuses (%d); it is paused for ten minutes.", e.Code)))
}

// own asks the institution's own source: one GET a patent. It answers as any
// file that is read here, or with {"patents": [...]} of [Record]s; see
// docs/connect.md.
type own struct {
	*client
	address string
	key     string
}

// Fetch implements Source.
func (o *own) Fetch(ctx context.Context, asked []Asked) ([]Answer, error) {
	out := failAll(asked, nil)
	for i, a := range asked {
		if err := o.paced(ctx); err != nil {
			return out, err
		}
		address := o.address
		if strings.Contains(address, "{number}") {
			address = strings.ReplaceAll(address, "{number}", url.QueryEscape(a.Number.String()))
		} else {
			sep := "?"
			if strings.Contains(address, "?") {
				sep = "&"
			}
			address += sep + "number=" + url.QueryEscape(a.Number.String())
		}
		u, err := url.Parse(address)
		if err != nil {
			return out, err
		}
		h := http.Header{"Accept": {"application/json"}}
		if o.key != "" {
			h.Set("Authorization", "Bearer "+o.key)
		}
		r, err := o.do(ctx, "patent", http.MethodGet, u, h, nil)
		switch {
		case err != nil:
			copy(out[i:], failAll(asked[i:], err))
			return out, err
		case r.status == http.StatusNotFound:
			out[i] = missing(a, "not_found", "机构自有来源没有该专利")
			continue
		case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden:
			err := refusedKey(o.id, "ZHIJIA_SOURCE_KEY")
			copy(out[i:], failAll(asked[i:], err))
			return out, err
		case r.status == http.StatusTooManyRequests:
			err := errors.Join(o.gate.Pause(ctx, o.id, o.gate.Now().Add(max(retryAfter(r.header), time.Minute)), "429"),
				fault.New(fault.RateLimited, "source.throttled", "机构自有来源请求过多，已暂停。", "The institution's own source allows no more for now."))
			copy(out[i:], failAll(asked[i:], err))
			return out, err
		case r.status != http.StatusOK:
			out[i].Err = broken(o.id, fmt.Errorf("HTTP %d", r.status))
			continue
		}
		records, err := ownRecords(r.body)
		if err != nil {
			out[i].Err = broken(o.id, err)
			continue
		}
		distribute(asked[i:i+1], out[i:i+1], records, r.document(o.id), "http", calendar.InChina(o.gate.Now()))
		if len(out[i].Records) == 0 {
			out[i] = missing(a, "not_found", "机构自有来源的应答中没有该专利")
		}
	}
	return out, nil
}

// ownRecords reads the documented answer, or any shape that a file may have.
func ownRecords(body []byte) ([]Record, error) {
	var documented struct {
		Patents []Record `json:"patents"`
	}
	if err := json.Unmarshal(body, &documented); err == nil && documented.Patents != nil {
		for i := range documented.Patents {
			r := &documented.Patents[i]
			number, publication := r.Number, r.Publication
			r.Number, r.Publication = "", ""
			for _, text := range []string{number, publication} {
				if text == "" {
					continue
				}
				if err := r.number(text); err != nil {
					return nil, err
				}
			}
			if r.Number == "" {
				return nil, noNumber()
			}
			ipc := r.IPC
			r.IPC = nil
			for _, c := range ipc {
				r.class(c)
			}
			events := r.Events
			r.Events = nil
			for _, e := range events {
				code, known := Code(e.Code)
				if !known || code == "" {
					r.note("事务未识别：%s", clip(e.Code, 40))
					continue
				}
				e.Code = code
				r.add(e)
			}
			r.Confidential, r.Stated = nil, ""
		}
		return documented.Patents, nil
	}
	f, err := Open(bytes.NewReader(body), "", false)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Table {
		return nil, errors.New("neither the documented answer nor a known shape")
	}
	var out []Record
	var bad error
	for row, err := range f.Rows() {
		if err != nil {
			bad = errors.Join(bad, err)
			continue
		}
		out = append(out, row.Record)
	}
	if len(out) > 0 {
		return out, nil
	}
	return nil, bad
}

// folder looks numbers up in the files of a folder, which are read as an import
// reads them.
type folder struct {
	dir  string
	read func(ctx context.Context, path string, each func(Record) error) error
}

// ID implements Source.
func (f *folder) ID() string { return "folder" }

// Fetch implements Source. A file that cannot be read is told of those that no
// other file has.
func (f *folder) Fetch(ctx context.Context, asked []Asked) ([]Answer, error) {
	out := failAll(asked, nil)
	var bad error
	err := filepath.WalkDir(f.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() || !e.Type().IsRegular() || strings.HasPrefix(e.Name(), ".") || strings.HasSuffix(e.Name(), ".rejects.csv") {
			return ctx.Err()
		}
		d := Document{Source: "folder", Address: e.Name()}
		if err := f.read(ctx, path, func(r Record) error {
			for i := range asked {
				if belongs(&r, &asked[i]) {
					out[i].Records = append(out[i].Records, r)
					if n := len(out[i].Documents); n == 0 || out[i].Documents[n-1].Address != d.Address {
						out[i].Documents = append(out[i].Documents, d)
					}
				}
			}
			return nil
		}); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			bad = errors.Join(bad, fmt.Errorf("%s: %w", e.Name(), err))
		}
		return nil
	})
	if err != nil {
		err = fault.New(fault.Unavailable, "source.folder", "无法读取来源文件夹。", "The folder of files cannot be read.").Because(err)
		return failAll(asked, err), err
	}
	for i := range asked {
		if len(out[i].Records) == 0 {
			if out[i] = missing(asked[i], "not_found", "文件夹中没有该专利"); bad != nil {
				out[i] = Answer{Key: asked[i].Number.Key(), Err: fault.New(fault.Unavailable, "source.folder_file", "文件夹中没有该专利，而有文件无法读取："+clip(fault.Public(bad).Zh, 200), "The folder does not have it, and some files cannot be read.").Because(bad)}
			}
		}
	}
	return out, nil
}
