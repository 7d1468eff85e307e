package people

import "slices"

// Role is what a key may do.
type Role string

// The roles. An admin manages keys and reads everything; it does not value.
const (
	Officer   Role = "officer"   // values, overrides, imports, reads the egress log
	Desk      Role = "desk"      // values and runs batches and pools
	Evaluator Role = "evaluator" // runs the harness, reads valuations
	Admin     Role = "admin"     // manages keys, sees the operation of the service
)

// Roles lists every role.
var Roles = []Role{Officer, Desk, Evaluator, Admin}

var (
	anyone   = []Role{} // no key needed
	everyone = Roles    // any valid key
	valuers  = []Role{Officer, Desk}
	readers  = []Role{Officer, Desk, Evaluator, Admin}

	pageRoles = []Role{Officer, Desk, Evaluator}
)

// Access says which roles may call which route, an empty list meaning anybody
// without a key. It is the only place that does: a route that is registered
// without an entry here stops the server from starting.
var Access = map[string][]Role{
	"GET /healthz":      anyone,
	"GET /readyz":       anyone,
	"GET /metrics":      anyone,
	"GET /openapi.json": anyone,
	"GET /docs":         anyone,
	"GET /docs/{asset}": anyone,

	"GET /":                                   anyone,
	"GET /officer/login":                      anyone,
	"POST /officer/login":                     anyone,
	"GET /officer":                            pageRoles,
	"POST /officer/valuations":                {Officer, Desk},
	"GET /officer/valuations/{id}":            pageRoles,
	"GET /officer/valuations/{id}/opinion":    pageRoles,
	"POST /officer/valuations/{id}/overrides": {Officer},
	"POST /officer/logout":                    pageRoles,
	"GET /officer/assets/{asset}":             anyone,
	"GET /officer/egress":                     {Officer},

	"GET /officer/batches":                          pageRoles,
	"POST /officer/batches":                         valuers,
	"GET /officer/batch-template":                   pageRoles,
	"GET /officer/batches/{id}":                     pageRoles,
	"POST /officer/batches/{id}/{act}":              valuers,
	"GET /officer/batches/{id}/result":              pageRoles,
	"GET /officer/batches/{id}/rows/{line}/opinion": pageRoles,
	"GET /officer/book":                             pageRoles,
	"POST /officer/book/balance":                    valuers,
	"POST /officer/book/alerts/{id}":                valuers,
	"GET /officer/lending":                          pageRoles,
	"POST /officer/lending/release":                 valuers,

	"GET /v1/whoami": everyone,

	"POST /v1/valuations":                {Officer, Desk, Evaluator},
	"POST /v1/valuations/{id}:replay":    readers,
	"POST /v1/valuations/{id}:what-if":   {Officer, Desk, Evaluator},
	"GET /v1/comparables:search":         readers,
	"POST /v1/comparables:search":        readers,
	"GET /v1/valuations":                 readers,
	"GET /v1/valuations/{id}":            readers,
	"POST /v1/valuations/{id}/overrides": {Officer},
	"GET /v1/valuations/{id}/overrides":  readers,

	"POST /v1/valuations/{id}/overrides/{override}:approve":      {Officer},
	"POST /officer/valuations/{id}/overrides/{override}/approve": {Officer},

	"POST /v1/classes:suggest": readers,

	"GET /v1/patents/{number}":         readers,
	"GET /v1/patents/{number}/dossier": readers,
	"GET /v1/patents/{number}/alerts":  readers,

	"POST /v1/pools":                              valuers,
	"POST /v1/pools:import":                       valuers,
	"GET /v1/pools":                               readers,
	"GET /v1/pools/{id}":                          readers,
	"POST /v1/pools/{id}:test":                    readers,
	"GET /v1/pools/{id}/statistics":               readers,
	"POST /v1/pools/{id}:cash-flow":               readers,
	"POST /v1/pools/{id}:size":                    readers,
	"POST /v1/pools/{id}:stress":                  readers,
	"POST /v1/pools/{id}:build":                   readers,
	"POST /v1/pools/{id}:revolve":                 readers,
	"POST /v1/pools/{id}:reconcile":               readers,
	"POST /v1/pools/{id}:notice":                  readers,
	"POST /v1/pools/{id}:report":                  readers,
	"POST /v1/pools/{id}:simulate":                valuers,
	"GET /v1/pools/{id}/simulations/{simulation}": readers,
	"POST /v1/pools/{id}:annex":                   readers,
	"POST /v1/pools/{id}:release":                 valuers,

	"GET /v1/evaluation-tasks":         readers,
	"GET /v1/evaluations":              readers,
	"POST /v1/evaluations":             {Evaluator},
	"GET /v1/evaluations:compare":      readers,
	"GET /v1/evaluations/{id}":         readers,
	"POST /v1/evaluations/{id}:stop":   {Evaluator},
	"GET /v1/evaluations/{id}/report":  readers,
	"GET /v1/evaluations/{id}/samples": readers,

	"POST /v1/imports/{id}": {Officer, Admin},
	"GET /v1/imports/{id}":  {Officer, Admin},

	"POST /v1/deals:read":          {Officer, Evaluator},
	"GET /v1/deals":                readers,
	"POST /v1/deals:screen":        {Officer},
	"POST /v1/deals/{id}:validity": {Officer},
	"POST /v1/ledger:calibrate":    {Officer},
	"GET /v1/ledger/drift":         readers,
	"GET /v1/ledger/statistics":    {Officer, Admin},

	"GET /officer/ledger":            pageRoles,
	"GET /officer/ledger/export":     {Officer},
	"POST /officer/ledger/validity":  {Officer},
	"POST /officer/ledger/calibrate": {Officer},
	"GET /officer/ledger/read":       {Officer},
	"POST /officer/ledger/read":      {Officer},

	"POST /v1/batches":                         valuers,
	"GET /v1/batches":                          readers,
	"GET /v1/batches/{id}":                     readers,
	"POST /v1/batches/{id}:cancel":             valuers,
	"POST /v1/batches/{id}:resume":             valuers,
	"POST /v1/batches/{id}:retry":              valuers,
	"POST /v1/batches/{id}:decide":             valuers,
	"GET /v1/batches/{id}/rows":                readers,
	"GET /v1/batches/{id}/rows/{line}/opinion": readers,
	"GET /v1/batches/{id}/events":              readers,
	"GET /v1/batches/{id}/result":              readers,
	"GET /v1/batch-template":                   readers,
	"POST /v1/collateral-checks":               valuers,
	"GET /v1/lending-policies":                 readers,
	"POST /v1/lending-policies":                {Officer},
	"POST /v1/risk-shares":                     readers,
	"GET /v1/risk-schemes":                     readers,
	"POST /v1/insurance-quotes":                readers,
	"POST /v1/interest-subsidies":              readers,
	"POST /v1/cover-forecasts":                 readers,
	"GET /v1/loan-programmes":                  readers,
	"POST /v1/loan-programmes":                 {Officer},
	"POST /v1/loan-programmes:release":         valuers,
	"GET /v1/batches/{id}/contracts":           readers,
	"GET /v1/batches/{id}/cover":               readers,
	"GET /v1/book/collateral":                  readers,
	"GET /v1/audit":                            {Officer, Admin},
	"POST /v1/book/loans":                      valuers,
	"GET /v1/book/loans":                       readers,
	"POST /v1/book/loans/{contract}:balance":   valuers,
	"GET /v1/book/alerts":                      readers,
	"POST /v1/book/alerts/{id}:acknowledge":    valuers,

	"POST /v1/matches:scan":                 {Officer, Admin},
	"GET /v1/matches":                       readers,
	"POST /v1/matches/{id}:decide":          {Officer},
	"POST /v1/offers":                       valuers,
	"POST /v1/offers:release":               valuers,
	"GET /v1/batches/{id}/conflicts":        readers,
	"GET /officer/patents":                  pageRoles,
	"GET /officer/alerts":                   pageRoles,
	"POST /officer/alerts/{id}/acknowledge": {Officer, Desk},
	"GET /officer/matches":                  pageRoles,
	"POST /officer/matches/{id}/decide":     {Officer},

	"POST /v1/watch":                             valuers,
	"GET /v1/watch":                              readers,
	"POST /v1/watch/{number}:remove":             valuers,
	"GET /v1/alerts":                             readers,
	"POST /v1/alerts/{id}:acknowledge":           valuers,
	"POST /v1/webhooks":                          {Desk, Admin},
	"GET /v1/webhooks":                           {Desk, Admin},
	"POST /v1/webhooks/{id}:rotate":              {Desk, Admin},
	"POST /v1/webhooks/{id}:disable":             {Desk, Admin},
	"POST /v1/webhooks/{id}:test":                {Desk, Admin},
	"GET /v1/webhook-deliveries":                 {Desk, Admin},
	"POST /v1/webhook-deliveries/{id}:redeliver": {Desk, Admin},

	"GET /v1/egress":          {Officer, Admin},
	"GET /v1/model-consents":  {Admin},
	"POST /v1/model-consents": {Admin},

	"GET /v1/keys":              {Admin},
	"POST /v1/keys":             {Admin},
	"POST /v1/keys/{id}:revoke": {Admin},
}

// May reports whether the caller's roles admit it to a route, named as in
// [Access].
func (p Principal) May(route string) bool { return Permitted(p.Roles, Access[route]) }

// MaySignIn reports whether the caller may open the officer's pages.
func (p Principal) MaySignIn() bool { return Permitted(p.Roles, pageRoles) }

// Permitted reports whether one of the roles granted is among those allowed.
func Permitted(granted, allowed []Role) bool {
	return slices.ContainsFunc(granted, func(r Role) bool { return slices.Contains(allowed, r) })
}
