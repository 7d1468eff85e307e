package pages

import (
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/gate"
)

// filled is the form of a purpose with every field filled.
func filled(purpose string) url.Values {
	form := url.Values{"number": {"ZL201310543019.6"}, "purpose": {purpose}, "date": {"2025-06-01"}, "level": {"0.9"}, "borrower": {"某公司"}}
	for _, g := range valuationForm {
		for _, f := range g.Fields {
			value := "7"
			switch f.As {
			case "date":
				value = "2024-03-05"
			case "range":
				if value = "3/5/8"; f.Name == "royalty_range" {
					value = "2/6"
				}
			case "choice":
				value = f.Choices[len(f.Choices)-1].Value
			case "text":
				value = map[string]string{"ipc": "H01M 4/36", "bundle": "ZL201010000001.1；ZL201010000002.2", "assets": "营运资金:500@4；设备：2000@6%"}[f.Name]
				if strings.HasPrefix(f.Hint, "2027:") {
					value = "2027:1200；2028年：1500/1800/2000"
				}
				if value == "" {
					value = "文字"
				}
			case "long":
				value = "文字"
			}
			form.Set(f.Name, value)
		}
	}
	return form
}

// TestFormHoldsTheRequest: what REST takes of one valuation can be given in the
// form of some purpose, but for what the list below leaves to REST, each with
// its reason.
func TestFormHoldsTheRequest(t *testing.T) {
	t.Parallel()
	left := map[string]string{
		"income.correlations": "between named inputs of the simulation: no officer's paper has one",
		"wait":                "a page answers at once", "blind": "the harness alone",
		"market_fact.proposed_by": "the service writes who proposed", "market_fact.approved_by": "the service writes who approved",
	}
	deep := map[string]bool{"text": true, "patent": true, "market_fact": true, "damages": true, "income": true, "income.wacc": true, "income.excess_earnings": true, "cost": true, "option": true}
	given := map[string]bool{}
	for _, p := range purposeNames {
		req, err := formRequest(filled(p.Code))
		if err != nil {
			t.Fatalf("%s: %v", p.Code, err)
		}
		body, err := json.Marshal(req)
		if err != nil {
			t.Fatal(err)
		}
		var top map[string]json.RawMessage
		if err := json.Unmarshal(body, &top); err != nil {
			t.Fatal(err)
		}
		var note func(prefix string, of map[string]json.RawMessage)
		note = func(prefix string, of map[string]json.RawMessage) {
			for k, v := range of {
				given[prefix+k] = true
				var inner map[string]json.RawMessage
				if deep[prefix+k] && json.Unmarshal(v, &inner) == nil {
					note(prefix+k+".", inner)
				}
			}
		}
		note("", top)
	}
	var walk func(prefix string, typ reflect.Type)
	walk = func(prefix string, typ reflect.Type) {
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			key := prefix + name
			if left[key] == "" && !given[key] {
				t.Errorf("the form cannot give %s", key)
			}
			if left[key] != "" && given[key] {
				t.Errorf("%s is given and named as left out", key)
			}
			if inner := typ.Field(i).Type; deep[key] && inner.Kind() == reflect.Pointer {
				walk(key+".", inner.Elem())
			}
		}
	}
	walk("", reflect.TypeFor[appraisal.Request]())
}

// TestFormOfARequest: the facts of an earlier valuation fill the form as they were
// typed: the form of a request asks the same request.
func TestFormOfARequest(t *testing.T) {
	t.Parallel()
	for _, p := range purposeNames {
		want, err := formRequest(filled(p.Code))
		if err != nil {
			t.Fatalf("%s: %v", p.Code, err)
		}
		got, err := formRequest(formOf(want))
		if err != nil {
			t.Fatalf("%s: %v", p.Code, err)
		}
		a, _ := json.Marshal(want)
		b, _ := json.Marshal(got)
		if string(a) != string(b) {
			t.Errorf("%s:\n%s\n%s", p.Code, a, b)
		}
	}
}

// TestFormReadsAmounts: one unit throughout, ranges from low to high, and a
// mistake named at its field.
func TestFormReadsAmounts(t *testing.T) {
	t.Parallel()
	read := func(name, value string) (appraisal.Request, error) {
		return formRequest(url.Values{"number": {"ZL201310543019.6"}, "purpose": {"licence"}, name: {value}})
	}
	req, err := read("revenue", "1,000／1200/1500")
	if q := req.Income; err != nil || *q.Current.Low != 1e7 || *q.Current.Mode != 1.2e7 || *q.Current.High != 1.5e7 {
		t.Errorf("%+v %v", q, err)
	}
	req, err = read("royalty", "2～4")
	if q := req.Income; err != nil || *q.Royalty.Low != 0.02 || *q.Royalty.High != 0.04 || q.Royalty.Mode != nil {
		t.Errorf("%+v %v", q, err)
	}
	req, err = read("revenue_years", "2027：1200；2028年:1500/1800/2000")
	if y := req.Income.Revenue; err != nil || len(y) != 2 || *y[0].Value != 1.2e7 || *y[1].Mode != 1.8e7 {
		t.Errorf("%+v %v", y, err)
	}
	for name, values := range map[string][]string{
		"revenue": {"8/5/3", "1/2/3/4", "三百", "1e400", "5/", "0x10", "NaN"}, "revenue_years": {"1200", "27:5", "2027:", "2027:多"}, "grant": {"2024-02-30"}, "claim_count": {"-1", "3.5"},
	} {
		for _, v := range values {
			_, err := read(name, v)
			fields := fault.Public(err).Fields
			if v == "5/" { // one number with a stroke behind it is that number
				if err != nil {
					t.Errorf("%s=%s: %v", name, v, err)
				}
				continue
			}
			if err == nil || !slices.ContainsFunc(fields, func(f fault.Field) bool { return f.Field == name }) {
				t.Errorf("%s=%s: %v %v", name, v, err, fields)
			}
		}
	}
	// Marks between digits alone are no number, in no field.
	for _, name := range append(formNames(), "level", "date") {
		for _, v := range []string{",", "，", "，,", "/", "~", "至"} {
			_, _ = formRequest(url.Values{"purpose": {"infringement"}, name: {v}})
			_, _ = read(name, v)
		}
	}
	// What the form of a purpose does not show is not read.
	if req, err := formRequest(url.Values{"purpose": {"management"}, "revenue": {"x"}, "loss": {"5"}}); err != nil || req.Income != nil || req.Damages != nil {
		t.Errorf("%+v %v", req, err)
	}
}

// TestFormShowsFaultsAtTheirField: a fault of the request stands at the field it
// came from, under the field's label, and opens the group.
func TestFormShowsFaultsAtTheirField(t *testing.T) {
	t.Parallel()
	problem := &gate.Problem{Errors: []gate.ProblemField{{Field: "patent.ipc[1]", Detail: "分类号有误"}, {Field: "number", Detail: "校验位有误"}, {Field: "income.royalty_rate.value", Detail: "过大"}}}
	groups, _, number := showForm(url.Values{"purpose": {"licence"}, "ipc": {"H01M; ??"}}, problem, nil)
	found := 0
	for _, g := range groups {
		for _, f := range g.Fields {
			if f.Name == "ipc" && f.Wrong == "分类号有误" && !g.Folded && f.Value == "H01M; ??" || f.Name == "royalty" && f.Wrong == "过大" {
				found++
			}
		}
	}
	if found != 2 || number != "校验位有误" || problem.Errors[0].Field != "IPC（主分类在前，分号隔开）" || problem.Errors[1].Field != "专利号" || problem.Errors[2].Field != "许可费率" {
		t.Errorf("%d fields, number %q, %+v", found, number, problem.Errors)
	}
	if names := formNames(); len(names) != len(slices.Compact(slices.Sorted(slices.Values(names)))) {
		t.Error("two fields have one name")
	}
}

func formNames() (names []string) {
	for _, g := range valuationForm {
		for _, f := range g.Fields {
			names = append(names, f.Name)
		}
	}
	return names
}
