package people

import (
	"slices"
	"strings"

	"zhijia/internal/fault"
	"zhijia/internal/store"
)

// Role is what a person or a key may do in his institution.
type Role string

// The roles. The operator runs the service and keeps the public corpus; an
// admin looks after people and keys; neither values.
const (
	Operator  Role = "operator"  // of the institution public alone: institutions and the public corpus
	Admin     Role = "admin"     // people, keys and consents of its own institution
	Officer   Role = "officer"   // values, overrides, imports, reads the egress log
	Approver  Role = "approver"  // approves or refuses what another person proposed
	Desk      Role = "desk"      // values and runs batches and pools
	Evaluator Role = "evaluator" // runs the harness, reads valuations
	Auditor   Role = "auditor"   // reads everything of its institution, changes nothing
)

// Roles lists every role.
var Roles = []Role{Operator, Admin, Officer, Approver, Desk, Evaluator, Auditor}

// gives lists which roles a role may give, in its own institution. A role that
// is not listed gives none.
var gives = map[Role][]Role{
	Operator: {Operator, Admin, Auditor},
	Admin:    {Admin, Officer, Approver, Desk, Evaluator, Auditor},
}

// MayGive reports whether somebody with the roles granted may give a role.
func MayGive(granted []Role, role Role) bool {
	return slices.ContainsFunc(granted, func(r Role) bool { return slices.Contains(gives[r], role) })
}

// fits says what is wrong with roles for one person or key of an institution.
// Who runs the service or hands out its keys does not value, and the operator's
// institution values nothing.
func fits(institution string, roles []Role) error {
	if len(roles) == 0 {
		return fault.New(fault.Invalid, "key.roles", "至少需要一个角色。", "At least one role is needed.")
	}
	rules, values := false, false
	for _, r := range roles {
		if !slices.Contains(Roles, r) {
			return fault.New(fault.Invalid, "key.roles", "未知角色；可用："+listed("、")+"。", "Unknown role; the roles are "+listed(", ")+".")
		}
		rules = rules || r == Operator || r == Admin
		values = values || r == Officer || r == Desk || r == Approver || r == Evaluator
		if (r == Operator) != (institution == store.Public) && (r == Operator || values) {
			return fault.New(fault.Invalid, "role.institution", "operator 角色只属于 public 机构，public 机构只有 operator、admin、auditor 角色。",
				"The role operator belongs to the institution public alone, whose only roles are operator, admin and auditor.")
		}
	}
	if rules && values {
		return fault.New(fault.Invalid, "role.separate", "管理员（admin、operator）不得同时具有估值、复核或评测角色。", "An admin or operator does not value, approve or evaluate.")
	}
	return nil
}

func listed(sep string) string {
	names := make([]string, len(Roles))
	for i, r := range Roles {
		names[i] = string(r)
	}
	return strings.Join(names, sep)
}

var (
	anyone   = []Role{} // no key needed
	everyone = Roles    // any valid key
	valuers  = []Role{Officer, Desk}
	readers  = []Role{Officer, Approver, Desk, Evaluator, Admin, Auditor}
	auditing = []Role{Officer, Admin, Auditor}

	pageRoles = []Role{Officer, Approver, Desk, Evaluator, Auditor}
	signIn    = append([]Role{Admin}, pageRoles...)
	proposers = []Role{Officer, Approver, Desk, Admin}
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
	"GET /officer":                            signIn,
	"POST /officer/valuations":                {Officer, Desk},
	"POST /officer/form":                      {Officer, Desk},
	"GET /officer/valuations/{id}":            pageRoles,
	"GET /officer/valuations/{id}/opinion":    pageRoles,
	"GET /officer/valuations":                 pageRoles,
	"GET /officer/valuations/{id}/what-if":    {Officer, Desk},
	"POST /officer/valuations/{id}/overrides": {Officer},
	"POST /officer/logout":                    anyone,

	"GET /officer/search":                   pageRoles,
	"POST /officer/form/check":              {Officer, Desk},
	"POST /officer/drafts/{id}/drop":        {Officer, Desk},
	"POST /officer/valuations/filters":      pageRoles,
	"GET /officer/valuations/export":        pageRoles,
	"GET /officer/compare":                  pageRoles,
	"GET /officer/patents/{number}/history": pageRoles,
	"GET /officer/overrides/{id}/evidence":  pageRoles,
	"POST /officer/overrides/{id}/{act}":    {Officer, Approver},
	"GET /officer/people":                   {Admin, Auditor},
	"POST /officer/people":                  {Admin},
	"POST /officer/people/{login}/{act}":    {Admin},
	"GET /officer/keys":                     {Admin, Auditor},
	"POST /officer/keys":                    {Admin},
	"POST /officer/keys/{id}/revoke":        {Admin},
	"POST /officer/consent":                 {Admin},
	"GET /officer/audit":                    auditing,
	"GET /officer/watch":                    pageRoles,
	"POST /officer/watch":                   {Officer, Desk},
	"POST /officer/watch/{number}/remove":   {Officer, Desk},
	"GET /officer/imports":                  {Officer, Admin},
	"POST /officer/imports":                 {Officer, Admin},
	"GET /officer/pools":                    pageRoles,
	"GET /officer/pools/{id}":               pageRoles,
	"POST /officer/pools":                   valuers,
	"GET /officer/evaluations":              pageRoles,
	"GET /officer/evaluations/{id}/report":  pageRoles,
	"POST /officer/evaluations":             {Evaluator},
	"POST /officer/evaluations/{id}/stop":   {Evaluator},

	"GET /officer/sign-in":               anyone,
	"GET /officer/sign-in/callback":      anyone,
	"POST /officer/sign-in/logout":       anyone,
	"GET /officer/assets/{asset}":        anyone,
	"GET /officer/egress":                auditing,
	"GET /officer/proposals":             pageRoles,
	"POST /officer/proposals/{id}/{act}": {Officer, Approver, Desk},

	"GET /officer/batches":                          pageRoles,
	"POST /officer/batches":                         valuers,
	"GET /officer/batch-template":                   pageRoles,
	"GET /officer/batches/{id}":                     pageRoles,
	"POST /officer/batches/{id}/{act}":              valuers,
	"GET /officer/batches/{id}/result":              pageRoles,
	"GET /officer/batches/{id}/rows/{line}/opinion": pageRoles,
	"GET /officer/book":                             pageRoles,
	"POST /officer/book/balance":                    valuers,
	"GET /officer/lending":                          pageRoles,
	"POST /officer/lending/release":                 valuers,
	"POST /officer/lending/policies":                {Officer},
	"POST /officer/lending/adopt":                   {Officer},
	"GET /officer/lending/policies/{name}":          pageRoles,

	"GET /v1/whoami": everyone,

	"POST /v1/valuations":                {Officer, Desk, Evaluator},
	"POST /v1/valuations/{id}:replay":    readers,
	"POST /v1/valuations/{id}:since":     readers,
	"GET /v1/valuations/{id}/influences": readers,
	"POST /v1/valuations/{id}:what-if":   {Officer, Desk, Evaluator},
	"GET /v1/comparables:search":         readers,
	"POST /v1/comparables:search":        readers,
	"GET /v1/valuations":                 readers,
	"GET /v1/valuations/{id}":            readers,
	"POST /v1/valuations/{id}/overrides": {Officer},
	"GET /v1/valuations/{id}/overrides":  readers,

	"POST /v1/valuations/{id}/overrides/{override}:approve":      {Approver},
	"POST /officer/valuations/{id}/overrides/{override}/approve": {Approver},

	"POST /v1/classes:suggest": readers,

	"POST /v1/patents:fetch":       {Officer, Admin},
	"GET /v1/fetches/{id}":         readers,
	"POST /v1/fetches/{id}:resume": {Officer, Admin},
	"GET /v1/fetches/{id}/numbers": readers,
	"POST /officer/fetch":          {Officer, Admin},
	"GET /v1/patents":              readers,
	"GET /v1/valuations:compare":   readers,
	"POST /v1/valuations:check":    {Officer, Desk, Evaluator},

	"GET /v1/patents/{number}":         readers,
	"GET /v1/patents/{number}/dossier": readers,
	"GET /v1/patents/{number}/alerts":  readers,

	"POST /v1/label-samples":             {Evaluator},
	"GET /v1/label-samples":              readers,
	"GET /v1/label-samples/{id}/next":    {Officer, Approver, Evaluator},
	"POST /v1/label-samples/{id}/labels": {Officer, Approver, Evaluator},
	"GET /v1/label-samples/{id}/file":    {Evaluator},

	"GET /v1/patents/{number}/claims":       readers,
	"POST /v1/claims:read":                  readers,
	"POST /v1/patents/{number}:summary":     {Officer, Desk, Evaluator},
	"POST /v1/patents/{number}:differences": {Officer, Desk, Evaluator},
	"POST /v1/patents/{number}:questions":   {Officer, Desk, Evaluator},
	"POST /v1/patents/{number}:facts":       valuers,
	"GET /v1/patents/{number}/facts":        readers,
	"POST /v1/facts/{id}:accept":            {Officer},
	"POST /v1/facts/{id}:reject":            {Officer},
	"GET /officer/labels":                   pageRoles,
	"GET /officer/labels/{id}":              {Officer, Approver, Evaluator},
	"POST /officer/labels/{id}":             {Officer, Approver, Evaluator},
	"GET /officer/labels/{id}/file":         {Evaluator},
	"GET /officer/reading":                  pageRoles,
	"POST /officer/reading":                 valuers,
	"POST /officer/reading/facts":           valuers,
	"POST /officer/reading/facts/{id}":      {Officer},

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

	"POST /v1/pools/{id}/simulations/{simulation}:cancel": valuers,

	"POST /v1/pools/{id}:annex":                   readers,
	"POST /v1/pools/{id}:estimate":                readers,
	"POST /v1/pools/{id}/runs":                    valuers,
	"GET /v1/pools/{id}/runs":                     readers,
	"GET /v1/pools/{id}/runs/{run}":               readers,
	"POST /v1/pools/{id}/runs/{run}:cancel":       valuers,
	"POST /v1/pools/{id}:release":                 valuers,
	"POST /v1/pools/{id}/periods":                 valuers,
	"GET /v1/pools/{id}/periods":                  readers,
	"GET /v1/pools/{id}/periods/{period}":         readers,
	"POST /v1/pools/{id}/periods/{period}:reopen": valuers,
	"POST /v1/pools/{id}:replay":                  readers,

	"POST /v1/leases":                          valuers,
	"POST /v1/leases:import":                   valuers,
	"GET /v1/leases:example":                   readers,
	"GET /v1/leases:rules":                     readers,
	"POST /v1/funds":                           valuers,
	"POST /v1/funds:import":                    valuers,
	"GET /v1/funds:example":                    readers,
	"GET /v1/funds:rules":                      readers,
	"POST /v1/trademark-pledges":               valuers,
	"POST /v1/trademark-pledges:import":        valuers,
	"GET /v1/trademark-pledges:example":        readers,
	"GET /v1/trademark-pledges:rules":          readers,
	"POST /v1/insurance-covers":                valuers,
	"POST /v1/insurance-covers:import":         valuers,
	"GET /v1/insurance-covers:example":         readers,
	"GET /v1/insurance-covers:rules":           readers,
	"POST /v1/listing-dossiers":                valuers,
	"POST /v1/listing-dossiers:import":         valuers,
	"GET /v1/listing-dossiers:example":         readers,
	"GET /v1/listing-dossiers:rules":           readers,
	"POST /v1/geographical-indications":        valuers,
	"POST /v1/geographical-indications:import": valuers,
	"GET /v1/geographical-indications:example": readers,
	"GET /v1/geographical-indications:rules":   readers,
	"GET /v1/product-results":                  readers,
	"GET /v1/product-results/{id}":             readers,
	"POST /v1/product-results/{id}:replay":     readers,
	"POST /v1/product-results/{id}:commit":     valuers,

	"GET /officer/products":                  pageRoles,
	"GET /officer/products/{kind}":           pageRoles,
	"POST /officer/products/{kind}":          valuers,
	"GET /officer/products/{kind}/file":      pageRoles,
	"GET /officer/product-results/{id}":      pageRoles,
	"GET /officer/product-results/{id}/file": pageRoles,

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
	"POST /v1/ledger:watch":        {Officer},
	"GET /v1/ledger/statistics":    {Officer, Admin},
	"GET /v1/ledger/conflicts":     readers,
	"GET /v1/ledger/readings":      {Officer, Evaluator},

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
	"GET /v1/audit":                            append([]Role{Operator}, auditing...),
	"POST /v1/book/loans":                      valuers,
	"GET /v1/book/loans":                       readers,
	"POST /v1/book/loans/{contract}:balance":   valuers,

	"POST /v1/matches:scan":                     {Officer, Admin},
	"GET /v1/matches":                           readers,
	"POST /v1/matches/{id}:decide":              {Officer},
	"POST /v1/offers":                           valuers,
	"POST /v1/offers:release":                   valuers,
	"POST /v1/interest-authorisations":          valuers,
	"GET /v1/batches/{id}/conflicts":            readers,
	"POST /v1/encumbrances":                     valuers,
	"GET /v1/encumbrances":                      readers,
	"POST /v1/encumbrances:release":             valuers,
	"POST /v1/consents":                         valuers,
	"GET /v1/rights/{kind}/{number}/timeline":   readers,
	"GET /v1/schemes":                           readers,
	"GET /v1/scheme-comparison":                 readers,
	"POST /v1/scheme-quotes":                    valuers,
	"POST /v1/scheme-uses":                      valuers,
	"GET /v1/scheme-uses":                       readers,
	"POST /v1/one-stop":                         valuers,
	"POST /v1/statistics":                       valuers,
	"GET /v1/statistics":                        valuers,
	"GET /v1/statistics/workbook":               valuers,
	"POST /v1/cash-flow-histories":              valuers,
	"POST /v1/intermediaries":                   valuers,
	"GET /v1/intermediaries":                    readers,
	"POST /v1/intermediary-reports":             valuers,
	"POST /v1/open-licences":                    valuers,
	"GET /v1/open-licences":                     readers,
	"POST /v1/patent-marks":                     valuers,
	"GET /v1/chain-answers/{id}":                readers,
	"POST /v1/chain-answers/{id}:replay":        readers,
	"GET /officer/chain":                        pageRoles,
	"POST /officer/chain":                       valuers,
	"GET /officer/schemes":                      pageRoles,
	"GET /officer/statistics":                   valuers,
	"GET /officer/rights":                       pageRoles,
	"GET /officer/cash-flow":                    pageRoles,
	"POST /officer/cash-flow":                   valuers,
	"GET /officer/intermediaries":               pageRoles,
	"POST /officer/intermediaries":              valuers,
	"GET /officer/open-licences":                pageRoles,
	"POST /officer/open-licences":               valuers,
	"GET /officer/marks":                        pageRoles,
	"POST /officer/marks":                       valuers,
	"POST /officer/product-results/{id}/commit": valuers,
	"GET /officer/patents":                      pageRoles,
	"GET /officer/alerts":                       pageRoles,
	"POST /officer/alerts/{id}/acknowledge":     {Officer, Desk},
	"GET /officer/matches":                      pageRoles,
	"POST /officer/matches/{id}/decide":         {Officer},
	"POST /officer/rights":                      valuers,

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

	"GET /v1/egress":          auditing,
	"GET /v1/model-consents":  {Admin, Auditor},
	"POST /v1/model-consents": {Admin},

	"GET /v1/proposals":                readers,
	"POST /v1/proposals/{id}:approve":  {Approver},
	"POST /v1/proposals/{id}:refuse":   {Approver},
	"POST /v1/proposals/{id}:withdraw": proposers,

	"GET /v1/keys":              {Admin, Operator, Auditor},
	"POST /v1/keys":             {Admin, Operator},
	"POST /v1/keys/{id}:revoke": {Admin, Operator},

	"GET /v1/people":                  {Admin, Operator, Auditor},
	"POST /v1/people":                 {Admin, Operator},
	"POST /v1/people/{login}:roles":   {Admin, Operator},
	"POST /v1/people/{login}:disable": {Admin, Operator},
}

// May reports whether the caller's roles admit it to a route, named as in
// [Access].
func (p Principal) May(route string) bool { return Permitted(p.Roles, Access[route]) }

// MaySignIn reports whether the caller may open the officer's pages.
func (p Principal) MaySignIn() bool { return Permitted(p.Roles, signIn) }

// Permitted reports whether one of the roles granted is among those allowed.
func Permitted(granted, allowed []Role) bool {
	return slices.ContainsFunc(granted, func(r Role) bool { return slices.Contains(allowed, r) })
}
