package gate

import (
	"net/http"
	"strings"
)

// Events are the codes under which a log collector finds what a request came to:
// each request's line carries one as event. They stay as they are from version
// to version; docs/security.md lists them.
var Events = map[string]string{
	"sign_in":              "somebody signed in",
	"sign_out":             "somebody signed out, or the provider said so",
	"keys.changed":         "a key was made or revoked",
	"people.changed":       "a person was added, given roles or disabled",
	"consent.changed":      "an institution decided whether its texts may leave",
	"proposal.decided":     "a second person approved or refused, or it was withdrawn",
	"data.imported":        "a file of facts was taken in",
	"data.exported":        "results, own deals or a record were downloaded",
	"interests.authorised": "a borrower's word to ask other institutions was noted",
	"webhook.changed":      "where alerts are sent to was changed",
	"changed":              "something else was made or changed",
	"read":                 "something was read",
	"identity.refused":     "no, a wrong, a revoked or an expired key, password or session",
	"access.refused":       "the role, the institution or the origin does not allow it",
	"limit.reached":        "too many requests, wrong passwords or questions",
	"request.refused":      "the request was not understood or met a conflict",
	"service.failed":       "the service or its database failed",
}

// byPath are the events of what succeeded, by how the route begins or ends; the
// first that fits counts.
var byPath = []struct{ method, start, end, event string }{
	{"POST", "/officer/login", "", "sign_in"},
	{"GET", "/officer/sign-in/callback", "", "sign_in"},
	{"POST", "/officer/logout", "", "sign_out"},
	{"POST", "/officer/sign-in/logout", "", "sign_out"},
	{"POST", "/v1/keys", "", "keys.changed"},
	{"POST", "/v1/people", "", "people.changed"},
	{"POST", "/v1/model-consents", "", "consent.changed"},
	{"POST", "/v1/proposals/", "", "proposal.decided"},
	{"POST", "/officer/proposals/", "", "proposal.decided"},
	{"POST", "", "approve", "proposal.decided"},
	{"POST", "/v1/imports/", "", "data.imported"},
	{"POST", "/v1/interest-authorisations", "", "interests.authorised"},
	{"POST", "/v1/webhooks", "", "webhook.changed"},
	{"GET", "", "/result", "data.exported"},
	{"GET", "", "/export", "data.exported"},
	{"GET", "/v1/audit", "", "data.exported"},
	{"GET", "/v1/egress", "", "data.exported"},
}

// eventOf is the event of a request to a route, named as in the table of access,
// that was answered with a status.
func eventOf(route string, status int) string {
	switch {
	case status >= 500:
		return "service.failed"
	case status == http.StatusUnauthorized:
		return "identity.refused"
	case status == http.StatusForbidden:
		return "access.refused"
	case status == http.StatusTooManyRequests:
		return "limit.reached"
	case status >= 400:
		return "request.refused"
	}
	method, path, _ := strings.Cut(route, " ")
	for _, e := range byPath {
		if e.method == method && strings.HasPrefix(path, e.start) && strings.HasSuffix(path, e.end) {
			return e.event
		}
	}
	if method == http.MethodGet || method == http.MethodHead {
		return "read"
	}
	return "changed"
}
