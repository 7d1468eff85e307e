package desk

import (
	"context"
	"encoding/json"
	"strings"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/store"
)

// Policy returns the policy an institution means: "id" or "id@version", its own
// before a preset of the same name. Empty asks for the default preset.
func (d *Desk) Policy(ctx context.Context, actor appraisal.Actor, name string) (_ lending.Policy, err error) {
	defer fault.Wrap(&err, "desk.Policy")
	if name == "" {
		name = lending.DefaultPolicy
	}
	id, version, _ := strings.Cut(name, "@")
	body, reviewed, ok, err := d.db.LendingPolicy(ctx, actor.Institution, id, version)
	if err != nil {
		return lending.Policy{}, err
	}
	if ok {
		p, err := lending.LoadPolicy(body)
		p.Unreviewed = !reviewed
		return p, err
	}
	p, err := lending.PolicyByID(id)
	if err == nil && version != "" && version != p.Version {
		err = fault.New(fault.NotFound, "policy.version", "没有质押政策 "+id+" 的版本 "+version+"。", "There is no version "+version+" of the policy "+id+".")
	}
	return p, err
}

// PutPolicy stores a version of the institution's own policy. It is used at
// once, marked 未经复核 until another person approves it.
func (d *Desk) PutPolicy(ctx context.Context, actor appraisal.Actor, p lending.Policy) error {
	p.Unreviewed = false // another person's word, never the author's
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if p, err = lending.LoadPolicy(body); err != nil { // the one check
		return err
	}
	return d.db.PutLendingPolicy(ctx, actor, p.ID, p.Version, body, d.now())
}

// Policies returns the presets and the institution's own policies.
func (d *Desk) Policies(ctx context.Context, actor appraisal.Actor) (presets map[string]lending.Policy, own []lending.Policy, err error) {
	bodies, err := d.db.LendingPolicies(ctx, actor.Institution)
	if err != nil {
		return nil, nil, err
	}
	own = []lending.Policy{}
	for _, b := range bodies {
		p, err := lending.LoadPolicy(b)
		if err != nil {
			return nil, nil, err
		}
		own = append(own, p)
	}
	return lending.Policies(), own, nil
}

// PolicyOf names the policy a batch is decided under: id@version.
func PolicyOf(b *store.Batch) (string, error) {
	var o Options
	err := json.Unmarshal(b.Options, &o)
	return o.Policy.ID + "@" + o.Policy.Version, err
}
