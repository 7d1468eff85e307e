package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"zhijia/internal/fault"
	"zhijia/internal/people"
	"zhijia/internal/store"
)

// peopleCmd looks after the people of an institution.
type peopleCmd struct {
	Add      peopleAddCmd      `cmd:"" help:"Add a person; the password is the first line of standard input."`
	List     peopleListCmd     `cmd:"" help:"List the people of the institution."`
	Roles    peopleRolesCmd    `cmd:"" help:"Give a person other roles; ends the person's sessions."`
	Password peoplePasswordCmd `cmd:"" help:"Set a person's password from the first line of standard input; ends the person's sessions."`
	Disable  peopleDisableCmd  `cmd:"" help:"Keep a person from signing in; ends sessions and keys."`
	Erase    peopleEraseCmd    `cmd:"" help:"Forget a person's name, user name and password; what was done stays on record under the id."`
}

// root is whose key is given, else the operator of this machine, who may give
// every role.
func (g *Globals) root() people.Principal {
	if g.who != nil {
		return *g.who
	}
	return people.Principal{Name: g.operator().Name, Institution: g.Institution, Roles: people.Roles}
}

func (g *Globals) roles(names []string) []people.Role {
	out := make([]people.Role, len(names))
	for i, r := range names {
		out[i] = people.Role(r)
	}
	return out
}

// secret reads a password from the first line of standard input, so that it is
// in no history and no list of processes.
func (g *Globals) secret() (string, error) {
	line, err := bufio.NewReader(io.LimitReader(g.stdin, 1000)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", fault.New(fault.Invalid, "person.password", "请由标准输入的第一行给出密码。", "Give the password as the first line of standard input.")
	}
	return line, nil
}

// people runs f on the people of the database.
func (c *Database) people(g *Globals, f func(*people.People) (any, error)) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	got, err := f(people.NewPeople(db, time.Now))
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(got)
	}
	switch got := got.(type) {
	case people.Person:
		printPerson(g, &got)
	case []people.Person:
		for i := range got {
			printPerson(g, &got[i])
		}
	case people.Proposal:
		printProposal(g, &got)
	case []people.Proposal:
		for i := range got {
			printProposal(g, &got[i])
		}
	}
	return nil
}

func printPerson(g *Globals, p *people.Person) {
	state := "active"
	if p.DisabledAt != nil {
		state = "disabled " + p.DisabledAt.Format(time.DateOnly)
	}
	fmt.Fprintf(g.stdout, "%-20s  %-20s  %-28s  %s\n", p.Login, state, strings.Join(p.Roles, ","), p.Name)
}

type peopleAddCmd struct {
	Database
	Login    string   `arg:"" help:"User name: lower-case letters, digits and . _ @ + -."`
	Name     string   `arg:"" help:"E.g. \"张三\"."`
	Role     []string `required:"" enum:"operator,admin,officer,approver,desk,evaluator,auditor" help:"What the person may do; repeat or separate with commas."`
	Provider bool     `help:"Without a password: the identity provider alone signs the person in."`
}

// Run adds the person.
func (c *peopleAddCmd) Run(g *Globals) (err error) {
	password := ""
	if !c.Provider {
		if password, err = g.secret(); err != nil {
			return err
		}
	}
	return c.people(g, func(s *people.People) (any, error) {
		return s.Add(g.ctx, g.root(), c.Login, c.Name, password, g.roles(c.Role))
	})
}

type peopleListCmd struct{ Database }

// Run lists them.
func (c *peopleListCmd) Run(g *Globals) error {
	return c.people(g, func(s *people.People) (any, error) { return s.List(g.ctx, g.Institution) })
}

type personArg struct {
	Database
	Login string `arg:""`
}

type peopleRolesCmd struct {
	personArg
	Role []string `required:"" enum:"operator,admin,officer,approver,desk,evaluator,auditor" help:"All the roles the person is to have."`
}

// Run changes them.
func (c *peopleRolesCmd) Run(g *Globals) error {
	return c.people(g, func(s *people.People) (any, error) { return s.SetRoles(g.ctx, g.root(), c.Login, g.roles(c.Role)) })
}

type peoplePasswordCmd struct{ personArg }

// Run sets it.
func (c *peoplePasswordCmd) Run(g *Globals) error {
	password, err := g.secret()
	if err != nil {
		return err
	}
	return c.people(g, func(s *people.People) (any, error) { return s.SetPassword(g.ctx, g.root(), c.Login, password) })
}

type peopleDisableCmd struct{ personArg }

// Run disables the person.
func (c *peopleDisableCmd) Run(g *Globals) error {
	return c.people(g, func(s *people.People) (any, error) { return s.Disable(g.ctx, g.root(), c.Login) })
}

type peopleEraseCmd struct{ personArg }

// Run erases the person.
func (c *peopleEraseCmd) Run(g *Globals) error {
	return c.people(g, func(s *people.People) (any, error) { return s.Erase(g.ctx, g.root(), c.Login) })
}

// waitsZh is said where another person has to approve first.
const waitsZh = "待另一人复核：zhijia proposals list。 Waits for another person to approve."

// identify finds out whose key is given, and lets the command act and be put on
// record in that name.
func (g *Globals) identify(db *store.DB) error {
	if g.Key == "" {
		return nil
	}
	who, err := people.NewKeys(db, time.Now).Check(g.ctx, g.Key)
	if err != nil {
		return err
	}
	if who.Institution != g.Institution {
		return fault.New(fault.Forbidden, "institution.other", "密钥属于机构 "+who.Institution+"，请以 --institution "+who.Institution+" 运行。", "The key belongs to "+who.Institution+"; run with --institution "+who.Institution+".")
	}
	g.who, g.ctx = &who, people.With(g.ctx, who, "cli")
	return nil
}

// proposalsCmd is the queue of what one person proposed and another decides.
type proposalsCmd struct {
	List     proposalsListCmd     `cmd:"" help:"List proposals, newest first."`
	Approve  proposalsApproveCmd  `cmd:"" help:"Approve what another person proposed."`
	Refuse   proposalsRefuseCmd   `cmd:"" help:"Refuse what another person proposed."`
	Withdraw proposalsWithdrawCmd `cmd:"" help:"Withdraw what you proposed."`
}

func printProposal(g *Globals, p *people.Proposal) {
	state := p.Status
	if p.DecidedBy != "" {
		state += " by " + p.DecidedBy
	}
	fmt.Fprintf(g.stdout, "%s  %-12s  %s  %s  %s  %s\n", p.ID, p.Kind, p.ProposedAt.Format(time.RFC3339), p.ProposedBy, state, clipBytes(p.Payload, 120))
}

type proposalsListCmd struct {
	Database
	All bool `help:"Also those that are decided."`
}

// Run lists them.
func (c *proposalsListCmd) Run(g *Globals) error {
	return c.people(g, func(s *people.People) (any, error) {
		list, _, err := s.Proposals(g.ctx, g.root(), !c.All, "", 1000)
		return list, err
	})
}

type decide struct {
	Database
	ID     string `arg:""`
	Person string `required:"" placeholder:"LOGIN" help:"Who decides; the password is the first line of standard input."`
	Note   string `help:"Why; kept with the decision."`
}

func (c *decide) run(g *Globals, act string) error {
	password, err := g.secret()
	if err != nil {
		return err
	}
	return c.people(g, func(s *people.People) (any, error) {
		who, err := s.Check(g.ctx, g.Institution, c.Person, password)
		if err != nil {
			return nil, err
		}
		return s.Decide(people.With(g.ctx, who, "cli"), who, c.ID, act, c.Note)
	})
}

type (
	proposalsApproveCmd  struct{ decide }
	proposalsRefuseCmd   struct{ decide }
	proposalsWithdrawCmd struct {
		Database
		ID     string `arg:""`
		Person string `placeholder:"LOGIN" help:"Whose proposal it is; the password is the first line of standard input. Without it: one that the command line made."`
	}
)

// Run approves.
func (c *proposalsApproveCmd) Run(g *Globals) error { return c.run(g, "approve") }

// Run refuses.
func (c *proposalsRefuseCmd) Run(g *Globals) error { return c.run(g, "refuse") }

// Run withdraws.
func (c *proposalsWithdrawCmd) Run(g *Globals) error {
	if c.Person != "" {
		return (&decide{Database: c.Database, ID: c.ID, Person: c.Person}).run(g, "withdraw")
	}
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	_, err = db.DecideProposal(g.ctx, g.operator(), c.ID, store.Withdrawn, "", time.Now().UTC())
	return err
}
