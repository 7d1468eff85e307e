package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// WebhookSecret is a subscription with its secret.
type WebhookSecret struct {
	store.Webhook
	Secret string `json:"secret" doc:"Shown once. Verifies webhook-signature: v1, and the HMAC-SHA256 over webhook-id.webhook-timestamp.body in base64."`
}

func registerWatch(api huma.API, s *Server) {
	tags := []string{"watch"}

	type watchAdd struct {
		Body struct {
			Numbers []string `json:"numbers" minItems:"1" maxItems:"1000" doc:"Application or patent numbers in any usual form."`
			Note    string   `json:"note,omitempty" maxLength:"500"`
		}
	}
	type watchAdded struct {
		Body struct {
			Added int `json:"added" doc:"Those that were not watched before."`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "watch-patents", Method: http.MethodPost, Path: "/v1/watch", Tags: tags,
		Summary:     "关注专利 Watch patents",
		Description: "Fees about to fall due, lapses, transfers, pledges, invalidity and loans that outlive a right become alerts from now on. Patents that secure a booked loan are watched without being named here.",
	}, func(ctx context.Context, in *watchAdd) (*watchAdded, error) {
		numbers := make([]string, len(in.Body.Numbers))
		for i, text := range in.Body.Numbers {
			n, err := patent.ParseNumber(text)
			if err == nil && n.Form != patent.Application {
				err = fault.New(fault.Invalid, "number.not_application", "请使用申请号（专利号）。", "Use the application number.")
			}
			if err != nil {
				pub := fault.Public(err)
				return nil, fault.New(fault.Invalid, pub.Code, text+"："+pub.Zh, pub.En, fault.Field{Field: "body.numbers", Code: pub.Code, Zh: text + "：" + pub.Zh, En: pub.En})
			}
			numbers[i] = n.String()
		}
		p, _ := principalOf(ctx)
		out := &watchAdded{}
		var err error
		out.Body.Added, err = s.opt.DB.WatchPatents(ctx, p.Institution, numbers, in.Body.Note, p.actor().Name, s.opt.Now())
		return out, err
	})

	type watchList struct {
		After string `query:"after" maxLength:"40" doc:"Number of the last patent of the page before."`
		Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	type watchListed struct {
		Body struct {
			Patents []store.WatchedPatent `json:"patents"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-watched", Method: http.MethodGet, Path: "/v1/watch", Summary: "关注列表 The patents watched, by number", Tags: tags,
	}, func(ctx context.Context, in *watchList) (*watchListed, error) {
		p, _ := principalOf(ctx)
		out := &watchListed{}
		var err error
		out.Body.Patents, err = s.opt.DB.WatchedPatents(ctx, p.Institution, in.After, in.Limit)
		return out, err
	})

	type watchRemove struct {
		Number string `path:"number" maxLength:"40"`
	}
	huma.Register(api, huma.Operation{
		OperationID: "unwatch-patent", Method: http.MethodPost, Path: "/v1/watch/{number}:remove", Summary: "取消关注 Stop watching a patent; its alerts stay", Tags: tags, DefaultStatus: http.StatusNoContent,
	}, func(ctx context.Context, in *watchRemove) (*struct{}, error) {
		n, err := parseNumber("path.number", in.Number)
		if err != nil {
			return nil, err
		}
		p, _ := principalOf(ctx)
		return nil, s.opt.DB.UnwatchPatent(ctx, p.Institution, n, p.actor().Name, s.opt.Now())
	})

	type watchPoll struct {
		After  int64  `query:"after" minimum:"0" doc:"The next of the page before; 0 from the beginning."`
		Number string `query:"number" maxLength:"40" doc:"Only of this patent."`
		Open   bool   `query:"open" doc:"Only those that hold and nobody acknowledged."`
		Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	type watchPolled struct {
		Body struct {
			Alerts []store.WatchAlert `json:"alerts"`
			Next   int64              `json:"next" doc:"Give it as after to see what changes later. The same as after when there is nothing new."`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "poll-alerts", Method: http.MethodGet, Path: "/v1/alerts", Tags: tags,
		Summary:     "组合预警 Alerts of the watched portfolio, in the order in which they last changed",
		Description: "An alert is raised once per cause. When what is on file says otherwise later, it comes again under the same id with the next revision: restated, or settled when the fee was paid or the loan closed. A poller that asks for what is after its last `next` misses nothing.",
	}, func(ctx context.Context, in *watchPoll) (*watchPolled, error) {
		if in.Number != "" {
			var err error
			if in.Number, err = parseNumber("query.number", in.Number); err != nil {
				return nil, err
			}
		}
		p, _ := principalOf(ctx)
		list, err := s.opt.DB.WatchAlerts(ctx, p.Institution, store.AlertFilter{After: in.After, Number: in.Number, Open: in.Open, Limit: in.Limit})
		if err != nil {
			return nil, err
		}
		out := &watchPolled{}
		out.Body.Alerts, out.Body.Next = list, in.After
		if n := len(list); n > 0 {
			out.Body.Next = list[n-1].Seq
		}
		return out, nil
	})

	type watchAck struct {
		ID   string `path:"id" pattern:"^wa_[0-9a-f]{32}$"`
		Body struct {
			Note string `json:"note" maxLength:"2000" doc:"What follows from it."`
		}
	}
	type watchAcked struct{ Body store.WatchAlert }
	huma.Register(api, huma.Operation{
		OperationID: "acknowledge-watch-alert", Method: http.MethodPost, Path: "/v1/alerts/{id}:acknowledge", Summary: "确认组合预警 Record that an alert was seen and what follows", Tags: tags,
	}, func(ctx context.Context, in *watchAck) (*watchAcked, error) {
		p, _ := principalOf(ctx)
		a, err := s.opt.DB.AcknowledgeWatchAlert(ctx, p.Institution, in.ID, p.actor().Name, in.Body.Note, s.opt.Now())
		return &watchAcked{Body: a}, err
	})
	registerWebhooks(api, s)
}

func registerWebhooks(api huma.API, s *Server) {
	tags := []string{"webhooks"}

	type hookCreate struct {
		Body struct {
			URL   string   `json:"url" minLength:"1" maxLength:"2000" doc:"https; no private address unless the operator admits it."`
			Codes []string `json:"codes,omitempty" maxItems:"20" uniqueItems:"true" enum:"fee_due_90,fee_due_60,fee_due_30,fee_late,fee_lapse,transfer,pledge,preservation,lapse,restored,invalidity_filed,invalidated,expiry_within_loan" doc:"Alerts to send. Default: all."`
		}
	}
	type hookSecret struct{ Body WebhookSecret }
	huma.Register(api, huma.Operation{
		OperationID: "create-webhook", Method: http.MethodPost, Path: "/v1/webhooks", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary:     "新建推送 Send alerts to an address",
		Description: "Every alert raised, restated or settled is posted as JSON with the headers of Standard Webhooks: webhook-id (the same at every attempt), webhook-timestamp and webhook-signature. Anything but a 2xx within 15 s is tried again, ten times over three days; then it is kept as dead and can be sent again. A 410 ends the subscription. At least once: tell repeats by webhook-id, order by the alert's revision.",
	}, func(ctx context.Context, in *hookCreate) (*hookSecret, error) {
		p, _ := principalOf(ctx)
		w, secret, err := s.opt.Watch.Subscribe(ctx, p.Institution, p.actor().Name, in.Body.URL, in.Body.Codes)
		return &hookSecret{Body: WebhookSecret{w, secret}}, err
	})

	type hookListed struct {
		Body struct {
			Webhooks []store.Webhook `json:"webhooks"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-webhooks", Method: http.MethodGet, Path: "/v1/webhooks", Summary: "推送列表 Subscriptions, without their secrets", Tags: tags,
	}, func(ctx context.Context, _ *struct{}) (*hookListed, error) {
		p, _ := principalOf(ctx)
		out := &hookListed{}
		var err error
		out.Body.Webhooks, err = s.opt.DB.Webhooks(ctx, p.Institution)
		return out, err
	})

	type hookID struct {
		ID string `path:"id" pattern:"^wh_[a-z2-7]{16}$"`
	}
	huma.Register(api, huma.Operation{
		OperationID: "rotate-webhook", Method: http.MethodPost, Path: "/v1/webhooks/{id}:rotate", Summary: "更换推送密钥 A new secret; the one before signs beside it for a day", Tags: tags,
	}, func(ctx context.Context, in *hookID) (*hookSecret, error) {
		p, _ := principalOf(ctx)
		w, secret, err := s.opt.Watch.Rotate(ctx, p.Institution, p.actor().Name, in.ID)
		return &hookSecret{Body: WebhookSecret{w, secret}}, err
	})
	type hookChanged struct{ Body store.Webhook }
	huma.Register(api, huma.Operation{
		OperationID: "disable-webhook", Method: http.MethodPost, Path: "/v1/webhooks/{id}:disable", Summary: "停用推送 End a subscription", Tags: tags,
	}, func(ctx context.Context, in *hookID) (*hookChanged, error) {
		p, _ := principalOf(ctx)
		w, err := s.opt.DB.DisableWebhook(ctx, p.Institution, in.ID, p.actor().Name, s.opt.Now())
		return &hookChanged{Body: w}, err
	})
	huma.Register(api, huma.Operation{
		OperationID: "test-webhook", Method: http.MethodPost, Path: "/v1/webhooks/{id}:test", Summary: "测试推送 Send a message without an alert", Tags: tags, DefaultStatus: http.StatusAccepted,
	}, func(ctx context.Context, in *hookID) (*struct{}, error) {
		p, _ := principalOf(ctx)
		return nil, s.opt.Watch.Test(ctx, p.Institution, in.ID)
	})

	type deliveryList struct {
		Status string `query:"status" enum:"waiting,delivered,dead" doc:"Default: any."`
		After  int64  `query:"after" minimum:"0" doc:"seq of the last message seen."`
		Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	type deliveryListed struct {
		Body struct {
			Deliveries []store.Delivery `json:"deliveries"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-deliveries", Method: http.MethodGet, Path: "/v1/webhook-deliveries", Summary: "推送记录 Messages with their attempts; status=dead lists those given up", Tags: tags,
	}, func(ctx context.Context, in *deliveryList) (*deliveryListed, error) {
		p, _ := principalOf(ctx)
		out := &deliveryListed{}
		var err error
		out.Body.Deliveries, err = s.opt.DB.Deliveries(ctx, p.Institution, in.Status, in.After, in.Limit)
		return out, err
	})
	type deliveryID struct {
		ID string `path:"id" pattern:"^msg_[a-z0-9]{20,40}$"`
	}
	type deliveryChanged struct{ Body store.Delivery }
	huma.Register(api, huma.Operation{
		OperationID: "redeliver", Method: http.MethodPost, Path: "/v1/webhook-deliveries/{id}:redeliver", Summary: "重新推送 Send a message again under the same id", Tags: tags,
	}, func(ctx context.Context, in *deliveryID) (*deliveryChanged, error) {
		p, _ := principalOf(ctx)
		d, err := s.opt.DB.Redeliver(ctx, p.Institution, in.ID, p.actor().Name, s.opt.Now())
		return &deliveryChanged{Body: d}, err
	})
}
