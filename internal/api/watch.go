package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/people"
	"zhijia/internal/watch"
)

// WatchedPatent is a patent an institution watches by its own choice.
type WatchedPatent struct {
	Number  string    `json:"number"`
	Note    string    `json:"note,omitempty"`
	AddedAt time.Time `json:"added_at"`
	AddedBy string    `json:"added_by"`
}

// Alert is something an institution must see: of a patent it watches, or of a
// loan in its book.
type Alert struct {
	ID  string `json:"id"`
	Seq int64  `json:"seq" doc:"Renewed at every change: ask for what is after the last one seen."`
	patent.Alert
	Revision       int        `json:"revision" doc:"1 when raised; a restatement has the next."`
	Status         string     `json:"status" enum:"open,settled,restated" doc:"settled: the fee was paid, the loan is closed; restated: what is on file now does not bear it out."`
	RaisedAt       time.Time  `json:"raised_at"`
	ChangedAt      time.Time  `json:"changed_at"`
	AcknowledgedAt *time.Time `json:"acknowledged_at,omitempty"`
	AcknowledgedBy string     `json:"acknowledged_by,omitempty"`
	Note           string     `json:"note,omitempty"`
	Level          string     `json:"level,omitempty" enum:"yellow,red" doc:"Of a booked loan."`
	Book           *BookAlert `json:"book,omitempty" doc:"Of a booked loan; the contract is in loan."`
}

// BookAlert is what an alert says of a loan in the book. Amounts in yuan.
type BookAlert struct {
	Kind    lending.AlertKind `json:"kind"`
	Trigger lending.Trigger   `json:"trigger" doc:"What had it looked at."`
	Old     money.Fen         `json:"old_value"`
	New     money.Fen         `json:"new_value"`
	Detail  json.RawMessage   `json:"detail" doc:"What changed and why."`
}

func describeAlert(a *watch.Alert) Alert {
	out := Alert{
		ID: a.ID, Seq: a.Seq, Alert: a.Alert, Revision: a.Revision, Status: string(a.Status), RaisedAt: a.RaisedAt, ChangedAt: a.ChangedAt,
		AcknowledgedAt: a.AcknowledgedAt, AcknowledgedBy: a.AcknowledgedBy, Note: a.Note, Level: a.Level,
	}
	if b := a.Book; b != nil {
		out.Book = &BookAlert{b.Kind, b.Trigger, b.Old, b.New, b.Detail}
	}
	return out
}

// Webhook is where an institution wants its alerts sent.
type Webhook struct {
	ID         string     `json:"id"`
	URL        string     `json:"url"`
	Codes      []string   `json:"codes" doc:"Of alerts; none: all."`
	Until      *time.Time `json:"previous_secret_until,omitempty" doc:"Until then messages are signed with the previous secret, too."`
	CreatedAt  time.Time  `json:"created_at"`
	CreatedBy  string     `json:"created_by"`
	DisabledAt *time.Time `json:"disabled_at,omitempty"`
}

func describeWebhook(w *watch.Webhook) Webhook {
	return Webhook{w.ID, w.URL, w.Codes, w.Until, w.CreatedAt, w.CreatedBy, w.DisabledAt}
}

// WebhookSecret is a subscription with its secret.
type WebhookSecret struct {
	Webhook
	Secret string `json:"secret" doc:"Shown once. Verifies webhook-signature: v1, and the HMAC-SHA256 over webhook-id.webhook-timestamp.body in base64."`
}

// Delivery is one message to one place.
type Delivery struct {
	ID        string          `json:"id" doc:"webhook-id, the same at every attempt."`
	Seq       int64           `json:"seq"`
	Webhook   string          `json:"webhook"`
	Kind      string          `json:"type"`
	Body      json.RawMessage `json:"body"`
	Status    string          `json:"status" enum:"waiting,delivered,dead"`
	Attempts  int             `json:"attempts"`
	NextAt    time.Time       `json:"next_at"`
	Reply     *int            `json:"reply" doc:"Status of the last reply; null: none came."`
	Error     string          `json:"error,omitempty"`
	CreatedAt time.Time       `json:"created_at"`
	EndedAt   *time.Time      `json:"ended_at,omitempty"`
}

func describeDelivery(d *watch.Delivery) Delivery {
	return Delivery{d.ID, d.Seq, d.Webhook, d.Kind, d.Body, d.Status, d.Attempts, d.NextAt, d.Reply, d.Error, d.CreatedAt, d.EndedAt}
}

type (
	watchAdd struct {
		Body struct {
			Numbers []string `json:"numbers" minItems:"1" maxItems:"1000" doc:"Application or patent numbers in any usual form."`
			Note    string   `json:"note,omitempty" maxLength:"500"`
		}
	}
	watchAdded struct {
		Added int `json:"added" doc:"Those that were not watched before."`
	}
	watchList struct {
		Patents []WatchedPatent `json:"patents"`
		Page
	}
	watchRemove struct {
		Number string `path:"number" maxLength:"40"`
	}
	alertsIn struct {
		After  int64  `query:"after" minimum:"0" doc:"The next of the reply before; 0 from the beginning."`
		Number string `query:"number" maxLength:"40" doc:"Only of this patent."`
		Open   bool   `query:"open" doc:"Only those that hold and nobody acknowledged."`
		Book   bool   `query:"book" doc:"Only those of booked loans: falls of value, ended rights, broken ceilings."`
		Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	alertFeed struct {
		Alerts []Alert `json:"alerts"`
		Next   int64   `json:"next" doc:"Give it as after to see what changes later. The same as after when there is nothing new."`
	}
	alertAck struct {
		ID   string `path:"id" pattern:"^(wa|ba)_[0-9a-f]{32}$"`
		Body struct {
			Note string `json:"note" minLength:"1" maxLength:"2000" doc:"What follows from it."`
		}
	}
	webhookAdd struct {
		Body struct {
			URL   string   `json:"url" minLength:"1" maxLength:"2000" doc:"https; no private address unless the operator admits it."`
			Codes []string `json:"codes,omitempty" maxItems:"20" uniqueItems:"true" enum:"fee_due_90,fee_due_60,fee_due_30,fee_late,fee_lapse,transfer,pledge,preservation,lapse,restored,invalidity_filed,invalidated,expiry_within_loan,book_drop,book_ended,book_breach,book_cover,book_expiry,book_failed,book_ground,ledger_drift" doc:"Alerts to send. Default: all."`
		}
	}
	webhooks struct {
		Webhooks []Webhook `json:"webhooks"`
	}
	webhookID struct {
		ID string `path:"id" pattern:"^wh_[a-z2-7]{16}$"`
	}
	deliveriesIn struct {
		PageQuery
		Status string `query:"status" enum:"waiting,delivered,dead" doc:"Default: any."`
	}
	deliveries struct {
		Deliveries []Delivery `json:"deliveries"`
		Page
	}
	deliveryID struct {
		ID string `path:"id" pattern:"^msg_[a-z0-9]{20,40}$"`
	}
)

func registerWatch(api huma.API, s *Server) {
	tags := []string{"watch"}
	huma.Register(api, huma.Operation{
		OperationID: "watch-patents", Method: http.MethodPost, Path: "/v1/watch", Tags: tags,
		Summary:     "关注专利 Watch patents",
		Description: "Fees about to fall due, lapses, transfers, pledges, invalidity and loans that outlive a right become alerts from now on. Patents that secure a booked loan are watched without being named here.",
	}, s.watchPatents)
	huma.Register(api, huma.Operation{
		OperationID: "list-watched", Method: http.MethodGet, Path: "/v1/watch", Summary: "关注列表 The patents watched, by number", Tags: tags,
	}, s.listWatched)
	huma.Register(api, huma.Operation{
		OperationID: "unwatch-patent", Method: http.MethodPost, Path: "/v1/watch/{number}:remove", Summary: "取消关注 Stop watching a patent; its alerts stay", Tags: tags, DefaultStatus: http.StatusNoContent,
	}, s.unwatchPatent)
	huma.Register(api, huma.Operation{
		OperationID: "poll-alerts", Method: http.MethodGet, Path: "/v1/alerts", Tags: tags,
		Summary:     "预警 Alerts of watched patents and booked loans, in the order in which they last changed",
		Description: "An alert is raised once per cause. When what is on file says otherwise later, it comes again under the same id with the next revision: restated, or settled when the fee was paid or the loan closed. A poller that asks for what is after its last `next` misses nothing.",
	}, s.pollAlerts)
	huma.Register(api, huma.Operation{
		OperationID: "acknowledge-alert", Method: http.MethodPost, Path: "/v1/alerts/{id}:acknowledge", Summary: "确认预警 Record that an alert was seen and what follows", Tags: tags,
	}, s.acknowledgeAlert)
	registerWebhooks(api, s)
}

func (s *Server) watchPatents(ctx context.Context, in *watchAdd) (*reply[watchAdded], error) {
	p := people.Of(ctx)
	n, err := s.opt.Watch.Add(ctx, p.Institution, p.Actor().Name, in.Body.Numbers, in.Body.Note)
	return &reply[watchAdded]{watchAdded{n}}, err
}

func (s *Server) listWatched(ctx context.Context, in *PageQuery) (*reply[watchList], error) {
	list, next, err := s.opt.Watch.Patents(ctx, people.Of(ctx).Institution, in.Cursor, in.Limit)
	return &reply[watchList]{watchList{each(list, func(w *watch.Watched) WatchedPatent { return WatchedPatent(*w) }), pageTo(next)}}, err
}

func (s *Server) unwatchPatent(ctx context.Context, in *watchRemove) (*struct{}, error) {
	n, err := parseNumber("path.number", in.Number)
	if err != nil {
		return nil, err
	}
	p := people.Of(ctx)
	return nil, s.opt.Watch.Remove(ctx, p.Institution, p.Actor().Name, n)
}

func (s *Server) pollAlerts(ctx context.Context, in *alertsIn) (*reply[alertFeed], error) {
	q := watch.AlertQuery{After: in.After, Open: in.Open, Book: in.Book}
	if in.Number != "" {
		var err error
		if q.Number, err = parseNumber("query.number", in.Number); err != nil {
			return nil, err
		}
	}
	list, err := s.opt.Watch.Alerts(ctx, people.Of(ctx).Institution, q, in.Limit)
	out := &reply[alertFeed]{alertFeed{each(list, describeAlert), in.After}}
	if n := len(list); n > 0 {
		out.Body.Next = list[n-1].Seq
	}
	return out, err
}

func (s *Server) acknowledgeAlert(ctx context.Context, in *alertAck) (*reply[Alert], error) {
	p := people.Of(ctx)
	a, err := s.opt.Watch.Acknowledge(ctx, p.Institution, p.Actor().Name, in.ID, in.Body.Note)
	return &reply[Alert]{describeAlert(&a)}, err
}

func registerWebhooks(api huma.API, s *Server) {
	tags := []string{"webhooks"}
	huma.Register(api, huma.Operation{
		OperationID: "create-webhook", Method: http.MethodPost, Path: "/v1/webhooks", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary:     "新建推送 Send alerts to an address",
		Description: "Every alert raised, restated or settled is posted as JSON with the headers of Standard Webhooks: webhook-id (the same at every attempt), webhook-timestamp and webhook-signature. Anything but a 2xx within 15 s is tried again, ten times over three days; then it is kept as dead and can be sent again. A 410 ends the subscription. At least once: tell repeats by webhook-id, order by the alert's revision.",
	}, s.createWebhook)
	huma.Register(api, huma.Operation{
		OperationID: "list-webhooks", Method: http.MethodGet, Path: "/v1/webhooks", Summary: "推送列表 Subscriptions, without their secrets", Tags: tags,
	}, s.listWebhooks)
	huma.Register(api, huma.Operation{
		OperationID: "rotate-webhook", Method: http.MethodPost, Path: "/v1/webhooks/{id}:rotate", Summary: "更换推送密钥 A new secret; the previous secret stays valid for 24 hours", Tags: tags,
	}, s.rotateWebhook)
	huma.Register(api, huma.Operation{
		OperationID: "disable-webhook", Method: http.MethodPost, Path: "/v1/webhooks/{id}:disable", Summary: "停用推送 End a subscription", Tags: tags,
	}, s.disableWebhook)
	huma.Register(api, huma.Operation{
		OperationID: "test-webhook", Method: http.MethodPost, Path: "/v1/webhooks/{id}:test", Summary: "测试推送 Send a message without an alert", Tags: tags, DefaultStatus: http.StatusAccepted,
	}, s.testWebhook)
	huma.Register(api, huma.Operation{
		OperationID: "list-deliveries", Method: http.MethodGet, Path: "/v1/webhook-deliveries", Summary: "推送记录 Messages with their attempts; status=dead lists those given up", Tags: tags,
	}, s.listDeliveries)
	huma.Register(api, huma.Operation{
		OperationID: "redeliver", Method: http.MethodPost, Path: "/v1/webhook-deliveries/{id}:redeliver", Summary: "重新推送 Send a message again under the same id", Tags: tags,
	}, s.redeliver)
}

func (s *Server) createWebhook(ctx context.Context, in *webhookAdd) (*reply[WebhookSecret], error) {
	p := people.Of(ctx)
	w, secret, err := s.opt.Watch.Subscribe(ctx, p.Institution, p.Actor().Name, in.Body.URL, in.Body.Codes)
	return &reply[WebhookSecret]{WebhookSecret{describeWebhook(&w), secret}}, err
}

func (s *Server) listWebhooks(ctx context.Context, _ *struct{}) (*reply[webhooks], error) {
	list, err := s.opt.Watch.Webhooks(ctx, people.Of(ctx).Institution)
	return &reply[webhooks]{webhooks{each(list, describeWebhook)}}, err
}

func (s *Server) rotateWebhook(ctx context.Context, in *webhookID) (*reply[WebhookSecret], error) {
	p := people.Of(ctx)
	w, secret, err := s.opt.Watch.Rotate(ctx, p.Institution, p.Actor().Name, in.ID)
	return &reply[WebhookSecret]{WebhookSecret{describeWebhook(&w), secret}}, err
}

func (s *Server) disableWebhook(ctx context.Context, in *webhookID) (*reply[Webhook], error) {
	p := people.Of(ctx)
	w, err := s.opt.Watch.Disable(ctx, p.Institution, p.Actor().Name, in.ID)
	return &reply[Webhook]{describeWebhook(&w)}, err
}

func (s *Server) testWebhook(ctx context.Context, in *webhookID) (*struct{}, error) {
	return nil, s.opt.Watch.Test(ctx, people.Of(ctx).Institution, in.ID)
}

func (s *Server) listDeliveries(ctx context.Context, in *deliveriesIn) (*reply[deliveries], error) {
	list, next, err := s.opt.Watch.Deliveries(ctx, people.Of(ctx).Institution, in.Status, in.Cursor, in.Limit)
	return &reply[deliveries]{deliveries{each(list, describeDelivery), pageTo(next)}}, err
}

func (s *Server) redeliver(ctx context.Context, in *deliveryID) (*reply[Delivery], error) {
	p := people.Of(ctx)
	d, err := s.opt.Watch.Redeliver(ctx, p.Institution, p.Actor().Name, in.ID)
	return &reply[Delivery]{describeDelivery(&d)}, err
}
