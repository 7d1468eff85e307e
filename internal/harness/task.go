package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"zhijia/internal/fault"
)

// Kind of a task: what is asked of the product.
type Kind string

// Kinds.
const (
	KindPrice     Kind = "price"     // value a deal without seeing it
	KindRetrieval Kind = "retrieval" // find the relevant documents
	KindRank      Kind = "rank"      // order patents by value indicators
	KindScorer    Kind = "scorer"    // reliability of the language model as scorer
	KindLending   Kind = "lending"   // decide a pledge loan
	KindRegistry  Kind = "registry"  // numbers, check digits, dates and terms
	KindClasses   Kind = "classes"   // propose IPC subclasses for a text
	KindMatching  Kind = "matching"  // the same party, deal or patent from two sources
	KindLatency   Kind = "latency"   // time and model cost per answer
)

// Task is one entry of the registry.
type Task struct {
	Name  string `yaml:"name" json:"name"`
	Kind  Kind   `yaml:"kind" json:"kind"`
	Title struct {
		Zh string `yaml:"zh" json:"zh"`
		En string `yaml:"en" json:"en"`
	} `yaml:"title" json:"title"`
	About string `yaml:"about" json:"about"`

	// Dataset is a file of eval/datasets, or "data:FILE" for one in the data
	// folder given at run time.
	Dataset string `yaml:"dataset" json:"dataset"`
	// Split says what the product may see when it answers a case:
	// out_of_time (only what is dated before the case), leave_one_deal_out
	// (everything but the case's deal and family, moved before the valuation
	// date), or none.
	Split     string   `yaml:"split" json:"split"`
	Metrics   []string `yaml:"metrics" json:"metrics"` // figures a reader looks at first, in order
	Primary   string   `yaml:"primary" json:"primary"` // loss that compare and gate pair, lower is better
	Cluster   string   `yaml:"cluster" json:"cluster"` // what makes cases dependent: deal, family, owner, none
	Baselines []string `yaml:"baselines" json:"baselines,omitempty"`
	Gates     []Gate   `yaml:"gates" json:"gates,omitempty"`
	Small     bool     `yaml:"small" json:"small"` // run by the gate
	Seed      uint64   `yaml:"seed" json:"seed"`

	Systems []string `yaml:"systems" json:"systems,omitempty"` // retrieval: search paths and embedding spaces
	Query   string   `yaml:"query" json:"query,omitempty"`     // retrieval: field that asks
	Answer  string   `yaml:"answer" json:"answer,omitempty"`   // retrieval: fields that are searched
	K       int      `yaml:"k" json:"k,omitempty"`             // retrieval: cut-off
	Limit   int      `yaml:"limit" json:"limit,omitempty"`     // cases at most, chosen by seed; 0 is all

	// Retrieval and classes, of a set that the shipped model learned from: in how
	// many parts it is divided, each asked of a model that learned from the others
	// and from the sets of Learn.
	Folds int      `yaml:"folds" json:"folds,omitempty"`
	Learn []string `yaml:"learn" json:"learn,omitempty"`

	Register int `yaml:"register" json:"register,omitempty"` // matching: parties to find them among

	Hash string `yaml:"-" json:"hash"` // of the file, part of a run's versions
}

// Gate is one threshold. It is held against a bound of the figure's interval,
// never against the mean.
type Gate struct {
	Figure string   `yaml:"figure" json:"figure"`
	Bound  string   `yaml:"bound" json:"bound"` // low, high, or value for figures without sampling error
	Min    *float64 `yaml:"min" json:"min,omitempty"`
	Max    *float64 `yaml:"max" json:"max,omitempty"`
	Reason string   `yaml:"reason" json:"reason"`
}

// Registry reads every tasks/*.yaml of the file system, sorted by name.
func Registry(files fs.FS) ([]Task, error) {
	names, err := fs.Glob(files, "tasks/*.yaml")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	tasks := make([]Task, 0, len(names))
	for _, name := range names {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		t, err := parseTask(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if want := strings.TrimSuffix(path.Base(name), ".yaml"); t.Name != want {
			return nil, taskFault("%s: name is %q; it must be the file's name", name, t.Name)
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

func taskFault(format string, args ...any) error {
	return fault.New(fault.Invalid, "eval.task", "评测任务文件有误。", fmt.Sprintf(format, args...)+".")
}

func parseTask(raw []byte) (Task, error) {
	var t Task
	if err := yaml.UnmarshalWithOptions(raw, &t, yaml.Strict()); err != nil {
		return t, taskFault("the task file cannot be read: %v", err)
	}
	sum := sha256.Sum256(raw)
	t.Hash = hex.EncodeToString(sum[:8])
	if !slices.Contains([]Kind{KindPrice, KindRetrieval, KindRank, KindScorer, KindLending, KindRegistry, KindMatching, KindLatency, KindClasses}, t.Kind) {
		return t, taskFault("kind %q is unknown", t.Kind)
	}
	if t.Title.Zh == "" || t.Title.En == "" || t.About == "" {
		return t, taskFault("title.zh, title.en and about are required")
	}
	if t.Dataset == "" || t.Primary == "" || len(t.Metrics) == 0 || t.Cluster == "" {
		return t, taskFault("dataset, metrics, primary and cluster are required")
	}
	if !slices.Contains([]string{"out_of_time", "leave_one_deal_out", "none"}, t.Split) {
		return t, taskFault("split %q is unknown", t.Split)
	}
	for _, g := range t.Gates {
		if !slices.Contains([]string{"low", "high", "value"}, g.Bound) || (g.Min == nil) == (g.Max == nil) {
			return t, taskFault("gate on %s needs bound low, high or value and one of min and max", g.Figure)
		}
	}
	if t.K == 0 {
		t.K = 10
	}
	return t, nil
}

// find returns the named task.
func find(tasks []Task, name string) (Task, error) {
	for _, t := range tasks {
		if t.Name == name {
			return t, nil
		}
	}
	names := make([]string, len(tasks))
	for i, t := range tasks {
		names[i] = t.Name
	}
	return Task{}, fault.New(fault.NotFound, "eval.no_task", "没有这个评测任务。", fmt.Sprintf("There is no task %q; the tasks are %s.", name, strings.Join(names, ", ")))
}
