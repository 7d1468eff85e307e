package pages

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"zhijia/internal/gate/gatetest"
	"zhijia/internal/labelling"
	"zhijia/internal/people"
	"zhijia/internal/store"
)

// Two officers label one sample, each in an order of his own, and see neither the
// number, nor a score, nor each other; the file has both and names nobody.
func TestLabelPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, people.Officer, people.Evaluator)
	sample, err := w.Labels.Draw(t.Context(), store.Actor{Institution: "default", Name: "test"}, labelling.Order{Numbers: []string{gatetest.KnownNumber}, Note: "试标"})
	if err != nil {
		t.Fatal(err)
	}
	place := regexp.MustCompile(`name="place" value="(\d+)"`)
	var orders [2][]string
	for i := range orders {
		b := &browser{t: t, h: w.gate}
		login := "marker" + string(rune('a'+i))
		gatetest.NewPerson(t, w.DB, "default", login, people.Officer, people.Evaluator)
		b.send("POST", "/officer/login", url.Values{"institution": {"default"}, "login": {login}, "password": {gatetest.Password}})
		if r := b.send("GET", "/officer/labels", nil); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), "试标") {
			t.Fatalf("%d %.300s", r.Code, r.Body.String())
		}
		for n := 0; ; n++ {
			body := b.send("GET", "/officer/labels/"+sample.ID, nil).Body.String()
			m := place.FindStringSubmatch(body)
			if m == nil {
				if !strings.Contains(body, "已全部标完") {
					t.Fatalf("%.400s", body)
				}
				break
			}
			if strings.Contains(body, gatetest.KnownNumber) || strings.Contains(body, ">20<") || strings.Contains(body, ">80<") {
				t.Error("the page tells the number or a score")
			}
			orders[i] = append(orders[i], m[1])
			choice := "1"
			if n == 0 {
				choice = "unknown"
				if r := b.send("POST", "/officer/labels/"+sample.ID, url.Values{"csrf": {b.csrf(body)}, "place": {m[1]}, "choice": {"9"}}); r.Code != http.StatusUnprocessableEntity {
					t.Errorf("a choice that was not offered: %d", r.Code)
				}
			}
			if r := b.send("POST", "/officer/labels/"+sample.ID, url.Values{"csrf": {b.csrf(body)}, "place": {m[1]}, "choice": {choice}}); r.Code != http.StatusSeeOther {
				t.Fatalf("%d", r.Code)
			}
		}
		r := b.send("GET", "/officer/labels/"+sample.ID+"/file", nil)
		if i == 0 && r.Code != http.StatusConflict {
			t.Errorf("one officer makes a study: %d", r.Code)
		}
		if i == 1 {
			lines := strings.Split(strings.TrimSpace(r.Body.String()), "\n")
			if lines[0] != "patent,class,indicator,model,officer_1,officer_2" || len(lines) != sample.Items+1 || strings.Contains(r.Body.String(), "marker") || !strings.Contains(r.Body.String(), ",UNKNOWN,") {
				t.Errorf("%s", r.Body.String())
			}
		}
	}
	if slices.Equal(orders[0], orders[1]) || len(orders[0]) != sample.Items {
		t.Errorf("orders %v and %v", orders[0], orders[1])
	}
}
