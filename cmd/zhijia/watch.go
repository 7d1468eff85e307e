package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/watch"
)

// watchFlags are the settings of the portfolio watch.
type watchFlags struct {
	WatchInterval time.Duration `env:"ZHIJIA_WATCH_INTERVAL" group:"Portfolio watch" default:"15s" help:"How often a process looks for what happened to watched patents."`
	WebhookKey    string        `env:"ZHIJIA_WEBHOOK_KEY" group:"Portfolio watch" secret:"true" placeholder:"BASE64" help:"32 bytes in base64 that seal the secrets of webhooks, the same on every machine. Empty: alerts are polled, not pushed."`
	WebhookAllow  []string      `env:"ZHIJIA_WEBHOOK_ALLOW" group:"Portfolio watch" placeholder:"PREFIX" help:"Private addresses that webhooks may go to, e.g. 10.1.2.0/24; separate with commas."`
	WebhookHTTP   bool          `name:"webhook-http" env:"ZHIJIA_WEBHOOK_HTTP" group:"Portfolio watch" help:"Admit http, to the addresses of --webhook-allow only."`
}

func (f *watchFlags) watcher(db *store.DB, log *slog.Logger, days *calendar.Working) (*watch.Service, error) {
	guard, err := watch.ParseGuard(f.WebhookAllow, f.WebhookHTTP)
	if err != nil {
		return nil, err
	}
	o := watch.Options{Log: log, Guard: guard, Days: days}
	if f.WebhookKey != "" {
		if o.Key, err = base64.StdEncoding.DecodeString(f.WebhookKey); err != nil || len(o.Key) != 32 {
			return nil, fault.New(fault.Invalid, "config.webhook_key", "ZHIJIA_WEBHOOK_KEY 须为32字节的 base64（例如 openssl rand -base64 32）。", "ZHIJIA_WEBHOOK_KEY must be 32 bytes in base64, e.g. of openssl rand -base64 32.")
		}
	}
	if f.WatchInterval <= 0 {
		return nil, fault.New(fault.Invalid, "config.watch_interval", "ZHIJIA_WATCH_INTERVAL 须大于 0。", "ZHIJIA_WATCH_INTERVAL must be more than 0.")
	}
	return watch.New(db, o)
}

type watchCmd struct {
	Add        watchAddCmd        `cmd:"" help:"Watch patents."`
	Remove     watchRemoveCmd     `cmd:"" help:"Stop watching a patent; its alerts stay."`
	List       watchListCmd       `cmd:"" help:"List the patents watched. Those that secure a booked loan are watched without being here."`
	Sweep      watchSweepCmd      `cmd:"" help:"Work out alerts and send what is due, now; serve and worker do so by themselves."`
	Alerts     watchAlertsCmd     `cmd:"" help:"Show alerts in the order in which they last changed."`
	Ack        watchAckCmd        `cmd:"" help:"Acknowledge an alert."`
	Webhook    webhookCmd         `cmd:"" help:"Send alerts to an address."`
	Deliveries watchDeliveriesCmd `cmd:"" help:"Show messages and their attempts; --status dead lists those given up."`
	Redeliver  watchRedeliverCmd  `cmd:"" help:"Send a message again under the same id."`
}

type watchAddCmd struct {
	Database
	Numbers []string `arg:"" help:"Application or patent numbers, any usual form."`
	Note    string   `help:"Why."`
}

// Run adds to the portfolio.
func (c *watchAddCmd) Run(g *Globals) error {
	numbers := make([]string, len(c.Numbers))
	for i, text := range c.Numbers {
		n, err := patent.ParseNumber(text)
		if err != nil {
			return err
		}
		if !n.NamesApplication() {
			return fault.New(fault.Invalid, "number.not_application", text+"：请使用申请号（专利号）。", text+": use the application number.")
		}
		numbers[i] = string(n.Key())
	}
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	n, err := db.WatchPatents(g.ctx, g.operator().Institution, numbers, c.Note, g.operator().Name, time.Now().UTC())
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]int{"added": n})
	}
	fmt.Fprintf(g.stdout, "新增关注 %d 件\n", n)
	return nil
}

type watchRemoveCmd struct {
	Database
	Number string `arg:""`
}

// Run takes a patent out of the portfolio.
func (c *watchRemoveCmd) Run(g *Globals) error {
	n, err := patent.ParseNumber(c.Number)
	if err != nil {
		return err
	}
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	return db.UnwatchPatent(g.ctx, g.operator().Institution, string(n.Key()), g.operator().Name, time.Now().UTC())
}

type watchListCmd struct{ Database }

// Run lists the portfolio.
func (c *watchListCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	out := bufio.NewWriter(g.stdout)
	after, all := "", []store.WatchedPatent{}
	for {
		page, err := db.WatchedPatents(g.ctx, g.operator().Institution, after, 1000)
		if err != nil {
			return err
		}
		all = append(all, page...)
		if len(page) < 1000 {
			break
		}
		after = page[len(page)-1].Number
	}
	if g.JSON {
		return g.print(all)
	}
	for _, w := range all {
		fmt.Fprintf(out, "%s  %s  %s\n", w.Number, w.AddedAt.Format(time.DateOnly), w.Note)
	}
	return out.Flush()
}

type watchSweepCmd struct {
	Database
	watchFlags
}

// Run sweeps once and sends what is due.
func (c *watchSweepCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	s, err := c.watcher(db, slog.New(slog.NewTextHandler(g.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), g.days)
	if err != nil {
		return err
	}
	changed, err := s.Sweep(g.ctx)
	if err != nil {
		return err
	}
	sent := 0
	for c.WebhookKey != "" {
		found, err := s.Deliver(g.ctx)
		if err != nil {
			return err
		}
		if !found {
			break
		}
		sent++
	}
	if g.JSON {
		return g.print(map[string]int{"changed": changed, "sent": sent})
	}
	fmt.Fprintf(g.stdout, "新增或更正预警 %d 条，推送 %d 条\n", changed, sent)
	return nil
}

type watchAlertsCmd struct {
	Database
	Open  bool  `help:"Only those that hold and nobody acknowledged."`
	Book  bool  `help:"Only those of booked loans."`
	After int64 `help:"Only what changed after this seq."`
	Limit int   `default:"100"`
}

// Run shows alerts.
func (c *watchAlertsCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	list, err := db.Alerts(g.ctx, g.operator().Institution, store.AlertFilter{After: c.After, Open: c.Open, Book: c.Book, Limit: c.Limit})
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(list)
	}
	for _, a := range list {
		seen := ""
		if a.AcknowledgedAt != nil {
			seen = "，" + a.AcknowledgedBy + "已确认"
		}
		fmt.Fprintf(g.stdout, "%d  %s  %s  %s（%s%s，第%d版，%s）\n", a.Seq, a.Date, a.Number, a.Zh, a.Status.Zh(), seen, a.Revision, a.ID)
	}
	fmt.Fprintf(g.stdout, "共 %d 条\n", len(list))
	return nil
}

type watchAckCmd struct {
	Database
	ID   string `arg:"" help:"The alert's id."`
	Note string `required:"" help:"What follows from it."`
}

// Run acknowledges an alert.
func (c *watchAckCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	_, err = db.AcknowledgeAlert(g.ctx, g.operator().Institution, c.ID, g.operator().Name, c.Note, time.Now().UTC())
	return err
}

type webhookCmd struct {
	Create  webhookCreateCmd `cmd:"" help:"Make a subscription. Its secret is printed once; the database keeps it sealed."`
	List    webhookListCmd   `cmd:"" help:"List subscriptions."`
	Rotate  webhookChangeCmd `cmd:"" help:"Replace the secret; the one before signs beside it for a day."`
	Test    webhookTestCmd   `cmd:"" help:"Send a message without an alert."`
	Disable webhookEndCmd    `cmd:"" help:"End a subscription."`
}

type webhookCreateCmd struct {
	Database
	watchFlags
	URL  string   `arg:"" name:"url" help:"https address."`
	Code []string `help:"Alerts to send; default: all."`
}

// Run makes a subscription and prints its secret.
func (c *webhookCreateCmd) Run(g *Globals) error {
	return c.with(g, &c.Database, func(s *watch.Service) error {
		w, secret, err := s.Subscribe(g.ctx, g.operator().Institution, g.operator().Name, c.URL, c.Code)
		return g.printSecret(w, secret, err)
	})
}

// with runs f on the service.
func (f *watchFlags) with(g *Globals, d *Database, use func(*watch.Service) error) error {
	db, done, err := d.open(g)
	if err != nil {
		return err
	}
	defer done()
	s, err := f.watcher(db, slog.New(slog.NewTextHandler(g.stderr, nil)), g.days)
	if err != nil {
		return err
	}
	return use(s)
}

func (g *Globals) printSecret(w store.Webhook, secret string, err error) error {
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(struct {
			store.Webhook
			Secret string `json:"secret"`
		}{w, secret})
	}
	fmt.Fprintf(g.stdout, "%s  %s\n%s\n", w.ID, w.URL, secret)
	fmt.Fprintln(g.stderr, "签名密钥只显示这一次，请妥善保存。The secret is shown once; keep it safe.")
	return nil
}

type webhookListCmd struct{ Database }

// Run lists subscriptions.
func (c *webhookListCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	list, err := db.Webhooks(g.ctx, g.operator().Institution)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(list)
	}
	for _, w := range list {
		state := "启用"
		if w.DisabledAt != nil {
			state = "已停用"
		}
		codes := "全部预警"
		if len(w.Codes) > 0 {
			codes = strings.Join(w.Codes, "、")
		}
		fmt.Fprintf(g.stdout, "%s  %s  %s  %s\n", w.ID, w.URL, codes, state)
	}
	return nil
}

type webhookChangeCmd struct {
	Database
	watchFlags
	ID string `arg:""`
}

// Run replaces the secret and prints the new one.
func (c *webhookChangeCmd) Run(g *Globals) error {
	return c.with(g, &c.Database, func(s *watch.Service) error {
		w, secret, err := s.Rotate(g.ctx, g.operator().Institution, g.operator().Name, c.ID)
		return g.printSecret(w, secret, err)
	})
}

type webhookTestCmd struct {
	Database
	watchFlags
	ID string `arg:""`
}

// Run puts a test message; sweep, serve or worker sends it.
func (c *webhookTestCmd) Run(g *Globals) error {
	return c.with(g, &c.Database, func(s *watch.Service) error { return s.Test(g.ctx, g.operator().Institution, c.ID) })
}

type webhookEndCmd struct {
	Database
	ID string `arg:""`
}

// Run ends a subscription.
func (c *webhookEndCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	_, err = db.DisableWebhook(g.ctx, g.operator().Institution, c.ID, g.operator().Name, time.Now().UTC())
	return err
}

type watchDeliveriesCmd struct {
	Database
	Status string `enum:"waiting,delivered,dead," default:"" help:"waiting, delivered or dead; default: any."`
	After  int64  `help:"Only messages after this seq."`
	Limit  int    `default:"100"`
}

var deliveryZh = map[string]string{"waiting": "等待", "delivered": "已送达", "dead": "已放弃"}

// Run shows messages.
func (c *watchDeliveriesCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	list, err := db.Deliveries(g.ctx, g.operator().Institution, c.Status, c.After, c.Limit)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(list)
	}
	out := tabwriter.NewWriter(g.stdout, 2, 8, 2, ' ', 0)
	for _, d := range list {
		fmt.Fprintf(out, "%d\t%s\t%s\t%s\t第%d次\t%s\n", d.Seq, d.ID, d.Kind, deliveryZh[d.Status], d.Attempts, d.Error)
	}
	return out.Flush()
}

type watchRedeliverCmd struct {
	Database
	watchFlags
	ID string `arg:""`
}

// Run puts a message up again.
func (c *watchRedeliverCmd) Run(g *Globals) error {
	return c.with(g, &c.Database, func(s *watch.Service) error {
		_, err := s.Redeliver(g.ctx, g.operator().Institution, g.operator().Name, c.ID)
		return err
	})
}
