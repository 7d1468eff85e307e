package judge

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/llm"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// Many patents are scored ahead of their valuations by a run: a durable order
// that any process with the same endpoint works, a step at a time, as a job of
// the queue. An endpoint that takes batches is sent files of questions; any
// other is asked patent by patent, each a job. Either way the answers are the
// ones single calls would keep, so valuations find them.

// runJob asks for the next step of a run.
type runJob struct {
	Run string `json:"run"`
}

// patentJob asks for one patent to be scored by single calls.
type patentJob struct {
	Run    string `json:"run"`
	Number string `json:"number"`
}

const (
	// MaxRunSubjects bounds a run.
	MaxRunSubjects = 200_000
	// retries is how often questions about one patent are sent again beyond
	// the calls its reading may take.
	retries = 3
	// patentTimeout bounds one patent asked by single calls.
	patentTimeout = 10 * time.Minute
)

// maxRounds is how often questions about one patent are sent.
func (r *Rubric) maxRounds() int { return r.cfg.Calls() + retries }

// queueName is the queue of an endpoint and model: only processes that speak to
// them take its jobs.
func (r *Rubric) queueName() string {
	sum := sha256.Sum256([]byte(r.cfg.BaseURL + "\n" + r.cfg.Model))
	return "model-" + hex.EncodeToString(sum[:6])
}

// runKind are the steps of runs.
func (r *Rubric) runKind() jobs.Kind[runJob] {
	return jobs.Kind[runJob]{Name: r.queueName(), Open: 20, Timeout: 30 * time.Minute}
}

// patentKind are the patents that are asked by single calls.
func (r *Rubric) patentKind() jobs.Kind[patentJob] {
	return jobs.Kind[patentJob]{Name: r.queueName() + "-patents", Queued: 16, Timeout: patentTimeout + time.Minute}
}

// Submit takes in a run over patents of the store; allow says that unpublished
// ones among them may leave. While the same order runs, that run is returned:
// fresh is false.
func (r *Rubric) Submit(ctx context.Context, actor store.Actor, numbers []string, allow bool) (_ store.ModelRun, fresh bool, err error) {
	defer fault.Wrap(&err, "judge.Submit")
	ctx = store.As(ctx, actor.Institution)
	now := time.Now().UTC().Truncate(time.Microsecond)
	var fields []fault.Field
	normal := make([]string, 0, len(numbers))
	for i, text := range numbers {
		n, err := patent.ParseNumber(text)
		if err != nil {
			if len(fields) < 20 {
				pub := fault.Public(err)
				fields = append(fields, fault.Field{Field: fmt.Sprintf("numbers[%d] %s", i, text), Code: pub.Code, Zh: pub.Zh, En: pub.En})
			}
			continue
		}
		normal = append(normal, string(n.Key()))
	}
	slices.Sort(normal)
	normal = slices.Compact(normal)
	switch {
	case len(fields) > 0:
		return store.ModelRun{}, false, fault.New(fault.Invalid, "run.numbers", "部分专利号有误，请改正后重试。", "Some numbers are not valid; mend them and try again.", fields...)
	case len(normal) == 0:
		return store.ModelRun{}, false, fault.New(fault.Invalid, "run.empty", "没有要评分的专利。", "There is no patent to score.")
	case len(normal) > MaxRunSubjects:
		return store.ModelRun{}, false, fault.New(fault.TooLarge, "run.size", fmt.Sprintf("一次最多 %d 件专利，请拆分。", MaxRunSubjects), fmt.Sprintf("A run takes at most %d patents; split it.", MaxRunSubjects))
	}
	key := sha256.New()
	fmt.Fprintf(key, "%s\n%s\n%t\n%q", r.cfg.BaseURL, r.cfg.Model, allow, normal)
	run := store.ModelRun{
		ID: store.NewID("run", now), Institution: actor.Institution, Actor: actor.Name, CreatedAt: now, Key: key.Sum(nil), Allow: allow, BaseURL: r.cfg.BaseURL, Model: r.cfg.Model,
	}
	return r.db.PutModelRun(ctx, run, normal, func(tx pgx.Tx, id string) error {
		return r.runKind().Add(ctx, r.queue, tx, actor.Institution, jobs.Order[runJob]{Key: id, Args: runJob{id}})
	})
}

// RunOptions configure [Rubric.Work].
type RunOptions struct {
	Poll    time.Duration // between looks at a batch; 0: 30 s
	Patents int           // asked at once by single calls; 0: 4
}

// Work probes the endpoint in the background and works runs, and nothing else,
// until ctx ends. Any number of processes may, and any may be killed.
func (r *Rubric) Work(ctx context.Context, o RunOptions) error {
	go r.ProbeAtStart(ctx)
	return r.queue.Run(ctx, jobs.RunOptions{Guest: true}, r.Workers(o)...)
}

// Workers work scoring runs.
func (r *Rubric) Workers(o RunOptions) []jobs.Worker {
	if o.Poll == 0 {
		o.Poll = 30 * time.Second
	}
	if o.Patents == 0 {
		o.Patents = 4
	}
	return []jobs.Worker{
		r.runKind().Worker(2, func(ctx context.Context, t *jobs.Turn, j runJob) (jobs.Next, error) {
			ctx, stop := t.UntilDrain(ctx) // every step can be broken off
			defer stop()
			return r.runTurn(ctx, j, o.Poll)
		}),
		r.patentKind().Worker(o.Patents, func(ctx context.Context, t *jobs.Turn, j patentJob) (jobs.Next, error) {
			ctx, stop := t.UntilDrain(ctx)
			defer stop()
			return r.patentTurn(ctx, j, o.Poll)
		}),
	}
}

// ProbeAtStart finds what the endpoint can do, and tries again while it does
// not answer; what an earlier probe found serves meanwhile.
func (r *Rubric) ProbeAtStart(ctx context.Context) {
	for wait := time.Second; ; wait = min(2*wait, 10*time.Minute) {
		found, err := r.Probe(ctx, store.Actor{Name: "system", Institution: store.Public})
		if err == nil {
			r.log.InfoContext(ctx, "the model endpoint was probed", "mode", found.Mode, "batches", found.Batches != nil && *found.Batches)
			return
		}
		if ctx.Err() != nil {
			return
		}
		r.log.WarnContext(ctx, "the model endpoint did not answer the probe", "err", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// runTurn takes one step. A run is never given up: what failed is tried later.
func (r *Rubric) runTurn(ctx context.Context, j runJob, poll time.Duration) (jobs.Next, error) {
	done, wait, err := r.step(ctx, j.Run, poll)
	switch {
	case ctx.Err() != nil || store.TurnLost(err):
		return jobs.Again, cmp.Or(ctx.Err(), err)
	case fault.KindOf(err) == fault.NotFound && err != nil:
		return jobs.Done, nil
	case err != nil:
		r.log.WarnContext(ctx, "a step of a scoring run failed", "run", j.Run, "err", err)
		_ = r.db.NoteRun(ctx, j.Run, fault.Public(err).Code)
		return jobs.After(4 * poll), nil
	case done:
		return jobs.Done, nil
	}
	return jobs.After(wait), nil
}

// step reads what came, then sends what is missing.
func (r *Rubric) step(ctx context.Context, id string, poll time.Duration) (done bool, wait time.Duration, err error) {
	run, err := r.db.ModelRun(ctx, store.Everyone, id)
	if err != nil {
		return false, 0, err
	}
	ctx = With(ctx, permit(&run))
	open, err := r.db.OpenBatches(ctx, id)
	if err != nil {
		return false, 0, err
	}
	out, failed := 0, false
	for i := range open {
		b := &open[i]
		if run.Status != store.RunRunning && b.Batch != "" && b.Status != "cancelling" {
			if err := r.client.CancelBatch(ctx, b.Batch); err != nil {
				return false, 0, err
			}
		}
		ended, err := r.advance(ctx, b)
		if err != nil {
			return r.held(ctx, &run, poll, err)
		}
		failed = failed || ended && b.Status == "failed"
		if !ended {
			out++
		}
	}
	switch {
	case out > 0:
		return false, poll, r.db.NoteRun(ctx, id, "batch")
	case run.Status != store.RunRunning:
		return true, 0, nil
	case failed: // do not run against the same wall at once
		return false, 20 * poll, r.db.NoteRun(ctx, id, "llm.batch_failed")
	}
	offers, err := r.offersBatches(ctx)
	if err != nil {
		return false, 0, err
	}
	if offers {
		return r.plan(ctx, &run, poll)
	}
	return r.fanOut(ctx, &run, poll)
}

func (r *Rubric) offersBatches(ctx context.Context) (bool, error) {
	if r.cfg.Batch == "off" {
		return false, nil
	}
	known, err := r.db.Endpoint(ctx, r.cfg.BaseURL, r.cfg.Model)
	if err != nil || known.Batches != nil {
		return known.Batches != nil && *known.Batches, err
	}
	offers, err := r.client.OffersBatches(ctx)
	if err != nil {
		return false, err
	}
	return offers, r.db.PutEndpoint(ctx, r.cfg.BaseURL, r.cfg.Model, store.Endpoint{Batches: &offers})
}

// permit is what a run's order says of texts leaving: for each text it is
// decided whether it is published.
func permit(run *store.ModelRun) Permit {
	p := Permit{Actor: store.Actor{Name: run.Actor, Institution: run.Institution}}
	if run.Allow {
		p.Allow = &run.Allow
	}
	return p
}

// subject reads a patent of a run and whether its text may leave; an end that
// is not empty is what becomes of it instead.
func (r *Rubric) subject(ctx context.Context, run *store.ModelRun, number string) (s Subject, end store.SubjectStatus, err error) {
	p, err := r.db.Patent(ctx, number)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return s, store.SubjectUnknown, nil
	}
	if err != nil {
		return s, "", err
	}
	s = Subject{Permit: permit(run), Text: Text{Number: p.Number, Title: p.Title, Abstract: p.Abstract, Claims: p.Claims, Description: p.Description}}
	s.Unpublished = p.Unpublished()
	ok, err := MayLeave(ctx, r.db, s.Permit)
	if err == nil && !ok {
		end = store.SubjectForbidden
	}
	return s, end, err
}

// plan fills files with the questions that are open and sends them; nothing
// open is the end of the run.
func (r *Rubric) plan(ctx context.Context, run *store.ModelRun, poll time.Duration) (done bool, wait time.Duration, err error) {
	if r.client.Found().Mode == "" { // the probe at the start has not ended: nobody knows yet what to ask
		return false, poll, nil
	}
	codes := r.indicators(ctx)
	file, of := r.client.NewBatchFile(), map[string]string{} // key -> number
	waiting := false
	flush := func() error {
		if len(file.Questions) == 0 {
			return nil
		}
		err := r.sendFile(ctx, run, file, of)
		file, of = r.client.NewBatchFile(), map[string]string{}
		return err
	}
	const page = 100
	for after := ""; ; {
		subjects, err := r.db.WaitingSubjects(ctx, run.ID, after, page)
		if err != nil {
			return false, 0, err
		}
		for _, x := range subjects {
			after = x.Number
			s, end, err := r.subject(ctx, run, x.Number)
			if err != nil {
				return false, 0, err
			}
			var pending []llm.Question
			if end == "" {
				var reading Reading
				if reading, pending, err = r.reader.Kept(ctx, s.Text, codes); err != nil {
					return false, 0, err
				}
				switch {
				case len(pending) == 0 && reading.Unfinished == "":
					end = store.SubjectDone
				case len(pending) == 0 || x.Rounds >= r.maxRounds():
					end = store.SubjectPartly
				}
			}
			if end != "" {
				if err := r.db.EndSubject(ctx, run.ID, x.Number, end); err != nil {
					return false, 0, err
				}
				continue
			}
			waiting = true
			for _, q := range pending {
				if !file.Add(q) {
					if err := flush(); err != nil {
						return r.held(ctx, run, poll, err)
					}
					file.Add(q)
				}
				of[q.Key] = x.Number
			}
		}
		if len(subjects) < page {
			break
		}
	}
	if err := flush(); err != nil {
		return r.held(ctx, run, poll, err)
	}
	if !waiting {
		return true, 0, r.db.EndRun(ctx, run.Institution, run.ID, store.RunFinished, "system")
	}
	return false, poll, r.db.NoteRun(ctx, run.ID, "batch")
}

// held says what a run waits for when a file could not be sent.
func (r *Rubric) held(ctx context.Context, run *store.ModelRun, poll time.Duration, err error) (bool, time.Duration, error) {
	switch {
	case fault.Public(err).Code == store.CodeBudget:
		return false, untilTomorrow(time.Now(), poll), r.db.NoteRun(ctx, run.ID, store.CodeBudget)
	case errors.Is(err, llm.ErrNoBatches):
		no := false
		return false, 0, r.db.PutEndpoint(ctx, r.cfg.BaseURL, r.cfg.Model, store.Endpoint{Batches: &no})
	}
	return false, 0, err
}

// untilTomorrow waits for the next day's budget (UTC), looking in now and then:
// reservations that were too high are given back.
func untilTomorrow(now time.Time, poll time.Duration) time.Duration {
	next := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	return min(next.Sub(now)+time.Second, 20*poll)
}

// sendFile claims, logs and pays for the questions of a file, and sends them.
// When the day's budget does not hold them all, as many as it holds.
func (r *Rubric) sendFile(ctx context.Context, run *store.ModelRun, file *llm.BatchFile, of map[string]string) error {
	b := store.ModelBatch{ID: store.NewID("mbat", time.Now()), Run: run.ID, Status: "prepared"}
	var claimed map[string]bool
	claim := func(questions []llm.Question) (_ map[string]bool, err error) {
		items := make([]store.BatchItem, len(questions))
		for i, q := range questions {
			items[i] = store.BatchItem{Key: q.Key, TextHash: q.Text, Prompt: q.Prompt, Parameters: q.Params, Use: use(r.client.InBatch(q.Most)), Egress: store.Egress{
				Institution: run.Institution, Actor: run.Actor, What: "batch " + q.What, Host: r.client.Host(), Bytes: int64(q.Bytes), Hash: q.Hash,
			}}
		}
		claimed, err = r.db.PutModelBatch(ctx, &b, items, r.cfg.DayTokens, dayMicro(&r.cfg))
		return claimed, err
	}
	for {
		err := file.Claim(claim)
		if err == nil {
			break
		}
		if fault.Public(err).Code != store.CodeBudget || len(file.Questions) == 1 {
			return err
		}
		file.Half()
	}
	if len(claimed) == 0 {
		return nil // all under way elsewhere
	}
	var err error
	if b.File, err = r.client.Upload(ctx, b.ID+".jsonl", file); err != nil {
		if errors.Is(err, llm.ErrNoBatches) {
			b.Status = "lost"
			return errors.Join(err, r.db.EndBatch(context.WithoutCancel(ctx), &b, store.ModelUse{}, 0, fault.Public(err).Code))
		}
		return err // the next step finds a file that was never sent
	}
	b.Status = "uploaded"
	if _, err := r.db.TrackBatch(context.WithoutCancel(ctx), &b, 0, 0); err != nil {
		return err
	}
	if _, err := r.advance(ctx, &b); err != nil {
		return err
	}
	var numbers []string
	for key := range claimed {
		numbers = append(numbers, of[key])
	}
	slices.Sort(numbers)
	_, err = r.db.CountRounds(context.WithoutCancel(ctx), run.ID, slices.Compact(numbers))
	return err
}

// advance brings a file one step on. Whatever broke off before is found out
// from the endpoint.
func (r *Rubric) advance(ctx context.Context, b *store.ModelBatch) (ended bool, err error) {
	keep := context.WithoutCancel(ctx)
	lost := func(reason string) (bool, error) {
		b.Status = "lost"
		return true, r.db.EndBatch(keep, b, store.ModelUse{}, 0, reason)
	}
	if b.File == "" {
		return lost("never sent")
	}
	if b.Batch == "" {
		at, ok, err := llm.Batch{}, false, error(nil)
		if b.Status != "uploaded" { // a try to start it was made
			if at, ok, err = r.client.FindBatch(ctx, b.File); err != nil && fault.KindOf(err) != fault.Unsupported {
				return false, err
			}
		}
		if !ok {
			b.Status = "starting"
			if open, err := r.db.TrackBatch(keep, b, 0, 0); err != nil || !open {
				return !open, err
			}
			if at, err = r.client.StartBatch(ctx, b.File); err != nil {
				if fault.KindOf(err) != fault.Unsupported {
					return false, err
				}
				// Refused for good, e.g. a model the provider has no batches of.
				if err := r.client.DropFiles(ctx, b.File, llm.Batch{}); err != nil {
					r.log.WarnContext(ctx, "a file stays at the endpoint", "batch", b.ID, "err", err)
				}
				_, end := lost(err.Error())
				return true, errors.Join(llm.ErrNoBatches, err, end)
			}
		}
		b.Batch, b.Status = at.ID, at.Status
		open, err := r.db.TrackBatch(keep, b, at.Completed, at.Failed)
		if err == nil && !open { // taken for lost meanwhile: nobody will read it
			err = r.client.CancelBatch(ctx, b.Batch)
		}
		return !open, err
	}
	at, ok, err := r.client.Batch(ctx, b.Batch)
	if err != nil {
		return false, err
	}
	if !ok {
		return lost("unknown to the endpoint")
	}
	b.Status = at.Status
	if _, err := r.db.TrackBatch(keep, b, at.Completed, at.Failed); err != nil {
		return false, err
	}
	if !at.Ended() {
		return false, nil
	}
	return true, r.collect(ctx, b, at)
}

// collect keeps what an ended batch answered and closes the account. Repeated
// after a break-off it does the same again.
func (r *Rubric) collect(ctx context.Context, b *store.ModelBatch, at llm.Batch) error {
	items, err := r.db.BatchItems(ctx, b.ID)
	if err != nil {
		return err
	}
	var used llm.Usage
	told := true
	why := map[string]int{}
	err = r.client.BatchAnswers(ctx, at, func(a llm.BatchAnswer) error {
		item, ok := items[a.Key]
		if !ok {
			why["not_asked"]++
			return nil
		}
		delete(items, a.Key)
		if a.Failure != "" {
			why[a.Failure]++
			return nil
		}
		used.Add(a.Usage)
		told = told && a.Told
		if a.Void != "" {
			why[a.Void]++
		}
		return r.db.PutJudgement(ctx, store.Judgement{
			Key: a.Key, TextHash: item.TextHash, Prompt: item.Prompt, Model: r.cfg.Model, Parameters: item.Parameters, Content: a.Content, Void: a.Void,
			PromptTokens: a.Usage.Prompt, AnswerTokens: a.Usage.Answer, MicroYuan: a.Usage.Micro,
		})
	})
	if err != nil {
		return err
	}
	if len(items) > 0 {
		why["unanswered"] = len(items)
	}
	failed := 0
	for code, n := range why {
		if code != "not_asked" {
			failed += n
		}
	}
	reason := at.Reason
	if len(why) > 0 {
		reason += fmt.Sprint(" ", why) // keys sorted by fmt
		r.log.WarnContext(ctx, "a batch has questions without an answer", "batch", b.ID, "status", at.Status, "why", why)
	}
	cost := use(used)
	if !told || cost.Tokens > b.Reserved.Tokens { // never beyond what was asked, and never for nothing
		cost = b.Reserved
	}
	if err := r.db.EndBatch(context.WithoutCancel(ctx), b, cost, failed, reason); err != nil {
		return err
	}
	if err := r.client.DropFiles(ctx, b.File, at); err != nil {
		r.log.WarnContext(ctx, "files stay at the endpoint", "batch", b.ID, "err", err)
	}
	return nil
}

// fanOut makes a job of every patent that waits.
func (r *Rubric) fanOut(ctx context.Context, run *store.ModelRun, poll time.Duration) (done bool, wait time.Duration, err error) {
	kind := r.patentKind()
	open, err := r.db.OpenJobs(ctx, kind.Name, run.ID)
	if err != nil || open {
		return false, min(poll, 5*time.Second), err
	}
	const page = 1000
	n := 0
	for after := ""; ; {
		subjects, err := r.db.WaitingSubjects(ctx, run.ID, after, page)
		if err != nil {
			return false, 0, err
		}
		many := make([]jobs.Order[patentJob], len(subjects))
		for i, x := range subjects {
			after = x.Number
			many[i] = jobs.Order[patentJob]{Key: run.ID + "/" + x.Number, Subject: run.ID, Args: patentJob{run.ID, x.Number}}
		}
		n += len(many)
		if err := r.db.Transact(ctx, func(tx pgx.Tx) error { return kind.Add(ctx, r.queue, tx, run.Institution, many...) }); err != nil {
			return false, 0, err
		}
		if len(subjects) < page {
			break
		}
	}
	if n == 0 {
		return true, 0, r.db.EndRun(ctx, run.Institution, run.ID, store.RunFinished, "system")
	}
	return false, min(poll, 5*time.Second), nil
}

// patentTurn scores one patent by single calls.
func (r *Rubric) patentTurn(ctx context.Context, j patentJob, poll time.Duration) (jobs.Next, error) {
	wait, err := r.scoreOne(ctx, j.Run, j.Number, poll)
	switch {
	case ctx.Err() != nil || store.TurnLost(err):
		return jobs.Again, cmp.Or(ctx.Err(), err)
	case fault.KindOf(err) == fault.NotFound && err != nil:
		return jobs.Done, nil
	case err != nil:
		r.log.WarnContext(ctx, "scoring a patent of a run", "run", j.Run, "err", err)
		return jobs.After(4 * poll), nil
	case wait > 0:
		return jobs.After(wait), nil
	}
	return jobs.Done, nil
}

func (r *Rubric) scoreOne(ctx context.Context, id, number string, poll time.Duration) (wait time.Duration, err error) {
	run, err := r.db.ModelRun(ctx, store.Everyone, id)
	if err != nil || run.Status != store.RunRunning {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(With(ctx, permit(&run)), patentTimeout)
	defer cancel()
	s, end, err := r.subject(ctx, &run, number)
	if err != nil {
		return 0, err
	}
	if end == "" {
		reading := r.reader.Read(ctx, s.Text, r.indicators(ctx))
		switch {
		case reading.Unfinished == store.CodeBudget:
			return untilTomorrow(time.Now(), poll), r.db.NoteRun(ctx, id, store.CodeBudget)
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case reading.Err != nil:
			return r.again(ctx, &run, number, poll, reading.Err)
		}
		if end = store.SubjectDone; reading.Unfinished != "" {
			end = store.SubjectPartly
		}
	}
	return 0, errors.Join(r.db.EndSubject(ctx, id, number, end), r.db.NoteRun(ctx, id, ""))
}

// again puts a patent off whose calls failed, a bounded number of times.
func (r *Rubric) again(ctx context.Context, run *store.ModelRun, number string, poll time.Duration, why error) (time.Duration, error) {
	rounds, err := r.db.CountRounds(ctx, run.ID, []string{number})
	if err != nil {
		return 0, err
	}
	if rounds >= r.maxRounds() {
		return 0, r.db.EndSubject(ctx, run.ID, number, store.SubjectPartly)
	}
	return poll << rounds, r.db.NoteRun(ctx, run.ID, fault.Public(why).Code)
}
