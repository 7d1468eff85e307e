package main

import (
	"fmt"
	"strings"
	"time"

	"zhijia/internal/people"
)

// keysCmd manages API keys.
type keysCmd struct {
	Create keysCreateCmd `cmd:"" help:"Make a key. It is printed once; the database keeps its hash."`
	List   keysListCmd   `cmd:"" help:"List keys."`
	Revoke keysRevokeCmd `cmd:"" help:"End a key now."`
}

type keysCreateCmd struct {
	Database
	Name    string        `arg:"" help:"Of the system whose key it is, e.g. \"信贷系统\", or what its person uses it for."`
	Person  string        `placeholder:"LOGIN" help:"The person it belongs to; without it, it is a system's."`
	Role    []string      `required:"" enum:"operator,admin,officer,approver,desk,evaluator,auditor" help:"What it may do; repeat or separate with commas: officer, approver, desk, evaluator, auditor, admin; operator in the institution public."`
	Expires time.Duration `placeholder:"720h" help:"How long it lives; without it the key does not expire."`
}

// Run makes the key and prints it.
func (c *keysCreateCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	var expires time.Time
	if c.Expires != 0 {
		expires = time.Now().Add(c.Expires)
	}
	plain, info, err := people.NewKeys(db, time.Now).Create(g.ctx, g.root(), people.Request{Name: c.Name, Login: c.Person, Roles: g.roles(c.Role), Expires: expires})
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(struct {
			people.KeyInfo
			Key string `json:"key"`
		}{info, plain})
	}
	fmt.Fprintf(g.stdout, "%s\n", plain)
	fmt.Fprintf(g.stderr, "密钥只显示这一次，请妥善保存。This key is shown once; keep it safe.\n")
	return nil
}

type keysListCmd struct{ Database }

// Run lists the keys.
func (c *keysListCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	infos, err := people.NewKeys(db, time.Now).List(g.ctx)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(infos)
	}
	for _, k := range infos {
		state := "in force"
		switch {
		case k.RevokedAt != nil:
			state = "revoked " + k.RevokedAt.Format(time.DateOnly)
		case k.ExpiresAt != nil && k.ExpiresAt.Before(time.Now()):
			state = "expired " + k.ExpiresAt.Format(time.DateOnly)
		case k.ExpiresAt != nil:
			state = "until " + k.ExpiresAt.Format(time.DateOnly)
		}
		fmt.Fprintf(g.stdout, "%s  %-20s  %-12s  %-28s  %s\n", k.ID, state, k.Institution, strings.Join(k.Roles, ","), k.Name)
	}
	return nil
}

type keysRevokeCmd struct {
	Database
	ID string `arg:"" help:"Id of the key, the part between zj_ and the next _."`
}

// Run ends the key.
func (c *keysRevokeCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	k, err := people.NewKeys(db, time.Now).Revoke(g.ctx, g.operator().Name, c.ID)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(k)
	}
	fmt.Fprintf(g.stdout, "%s revoked\n", k.ID)
	return nil
}
