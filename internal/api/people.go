package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/people"
)

type (
	peopleList struct {
		People []people.Person `json:"people"`
	}
	personIn struct {
		Body struct {
			Login    string        `json:"login" minLength:"1" maxLength:"80" doc:"User name; lower-case letters, digits and . _ @ + -."`
			Name     string        `json:"name" minLength:"1" maxLength:"100"`
			Password string        `json:"password,omitempty" minLength:"10" maxLength:"72" doc:"Left out: the identity provider alone signs the person in."`
			Roles    []people.Role `json:"roles" minItems:"1" maxItems:"7" enum:"operator,admin,officer,approver,desk,evaluator,auditor" uniqueItems:"true"`
		}
	}
	PersonRef struct {
		Login string `path:"login" maxLength:"80"`
	}
	rolesIn struct {
		PersonRef
		Body struct {
			Roles []people.Role `json:"roles" minItems:"1" maxItems:"7" enum:"operator,admin,officer,approver,desk,evaluator,auditor" uniqueItems:"true"`
		}
	}
	proposalsIn struct {
		PageQuery
		Waiting bool `query:"waiting" doc:"Only what waits for you: open, and proposed by somebody else."`
	}
	proposalList struct {
		Proposals []people.Proposal `json:"proposals"`
		Page
	}
	decisionIn struct {
		ID   string `path:"id" pattern:"^prp_[0-9a-f]{32}$"`
		Body struct {
			Note string `json:"note,omitempty" maxLength:"500" doc:"Why; kept with the decision."`
		}
	}
)

func registerPeople(api huma.API, s *Server) {
	huma.Register(api, huma.Operation{
		OperationID: "list-people", Method: http.MethodGet, Path: "/v1/people", Summary: "人员列表 List the people of your institution", Tags: []string{"people"},
	}, func(ctx context.Context, _ *struct{}) (*reply[peopleList], error) {
		list, err := s.gate.People.List(ctx, people.Of(ctx).Institution)
		return &reply[peopleList]{peopleList{list}}, err
	})
	huma.Register(api, huma.Operation{
		OperationID: "add-person", Method: http.MethodPost, Path: "/v1/people", Summary: "新增人员 Add a person of your institution", Tags: []string{"people"}, DefaultStatus: http.StatusCreated,
		Description: "You give no role that you may not give: an operator gives operator, admin and auditor; an admin gives admin, officer, approver, desk, evaluator and auditor.",
	}, func(ctx context.Context, in *personIn) (*reply[people.Person], error) {
		p, err := s.gate.People.Add(ctx, people.Of(ctx), in.Body.Login, in.Body.Name, in.Body.Password, in.Body.Roles)
		return &reply[people.Person]{p}, err
	})
	huma.Register(api, huma.Operation{
		OperationID: "set-person-roles", Method: http.MethodPost, Path: "/v1/people/{login}:roles", Summary: "变更角色 Give a person other roles; ends the person's sessions", Tags: []string{"people"},
	}, func(ctx context.Context, in *rolesIn) (*reply[people.Person], error) {
		p, err := s.gate.People.SetRoles(ctx, people.Of(ctx), in.Login, in.Body.Roles)
		return &reply[people.Person]{p}, err
	})
	huma.Register(api, huma.Operation{
		OperationID: "disable-person", Method: http.MethodPost, Path: "/v1/people/{login}:disable", Summary: "停用人员 Disable a person; ends sessions and keys", Tags: []string{"people"},
	}, func(ctx context.Context, in *PersonRef) (*reply[people.Person], error) {
		p, err := s.gate.People.Disable(ctx, people.Of(ctx), in.Login)
		return &reply[people.Person]{p}, err
	})
	huma.Register(api, huma.Operation{
		OperationID: "list-proposals", Method: http.MethodGet, Path: "/v1/proposals", Summary: "提议 What one person proposed and another decides, newest first", Tags: []string{"proposals"},
		Description: "Overrides, market labels, lending policies and consents to send texts. What nobody else approved is marked 未经复核 on the result.",
	}, func(ctx context.Context, in *proposalsIn) (*reply[proposalList], error) {
		list, next, err := s.gate.People.Proposals(ctx, people.Of(ctx), in.Waiting, in.Cursor, in.Limit)
		return &reply[proposalList]{proposalList{list, pageTo(next)}}, err
	})
	for act, summary := range map[string]string{
		"approve": "同意 Approve what another person proposed", "refuse": "不同意 Refuse what another person proposed", "withdraw": "撤回 Withdraw what you proposed",
	} {
		huma.Register(api, huma.Operation{
			OperationID: act + "-proposal", Method: http.MethodPost, Path: "/v1/proposals/{id}:" + act, Summary: summary, Tags: []string{"proposals"},
		}, func(ctx context.Context, in *decisionIn) (*reply[people.Proposal], error) {
			p, err := s.gate.People.Decide(ctx, people.Of(ctx), in.ID, act, in.Body.Note)
			return &reply[people.Proposal]{p}, err
		})
	}
}
