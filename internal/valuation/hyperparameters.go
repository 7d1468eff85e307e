package valuation

import "zhijia/internal/civil"

// ModelCard documents fitted hyperparameters: what they were fitted on, when,
// and how wrong the model was out of time.
type ModelCard struct {
	Version     string             `json:"version"` // of the parameters, addressable
	Fitted      civil.Date         `json:"fitted"`
	DataHash    string             `json:"data_hash"`
	N           int                `json:"n"`
	From        civil.Date         `json:"from"`
	To          civil.Date         `json:"to"`
	Seed        uint64             `json:"seed"`
	Parameters  map[string]float64 `json:"parameters"`
	LogLik      float64            `json:"log_likelihood"`
	Baseline    float64            `json:"log_likelihood_at_start"`
	Iterations  int                `json:"iterations"`
	TestN       int                `json:"test_n"`           // latest deals held out
	TestMdALE   *float64           `json:"test_mdale"`       // median |ln price - ln estimate| on them
	TestPriorLE *float64           `json:"test_mdale_prior"` // the same for the population prior
	TestCover   *float64           `json:"test_coverage_80"` // share inside the 80% range
	Method      string             `json:"method"`
}
