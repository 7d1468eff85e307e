package market

// Calibration is the conformal calibration of the range: the scores of past deals.
type Calibration struct {
	Scores []Score `json:"scores,omitempty"`
}

// Score is one deal's error, its event left out.
type Score struct {
	ID     string  `json:"id"`
	Event  string  `json:"event"`
	Market Sale    `json:"market"`
	Error  float64 `json:"error"`
	SD     float64 `json:"sd"`
}
