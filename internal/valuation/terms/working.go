package terms

// Flag is a warning with a severity: note, review, alarm.
type Flag struct {
	Note
	Severity string `json:"severity"`
}

// Working is one node of the workings: a named figure and what it came from.
type Working struct {
	Key      string    `json:"key"`
	Value    float64   `json:"value"`
	Unit     string    `json:"unit,omitempty"` // yuan, rate, years, log, ratio, count, score
	Formula  string    `json:"formula,omitempty"`
	Source   string    `json:"source,omitempty"`
	Children []Working `json:"children,omitempty"`
}

func NewFlag(code, severity, zh, en string) Flag {
	return Flag{Note: Note{Code: code, Zh: zh, En: en}, Severity: severity}
}
