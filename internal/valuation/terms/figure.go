package terms

// Figure is a number with its reason and source. Provenance is "verified",
// "computed", "inference" or "recalled, unverified".
type Figure struct {
	Value      float64 `json:"value"`
	Reason     string  `json:"reason"`
	Source     string  `json:"source"`
	Provenance string  `json:"provenance"`
}

// Anchor is a labelled score.
type Anchor struct {
	Score float64 `json:"score"`
	Label string  `json:"label"`
}
