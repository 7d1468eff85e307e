package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestKindOfAndPublic(t *testing.T) {
	t.Parallel()
	invalid := New(Invalid, "x.bad", "错了", "wrong", Field{Field: "a", Code: "a.bad", Zh: "错", En: "wrong"})
	for _, c := range []struct {
		err    error
		kind   Kind
		code   string
		status int
	}{
		{invalid, Invalid, "x.bad", 422},
		{fmt.Errorf("store.Get: %w", invalid), Invalid, "x.bad", 422},
		{errors.New("password=hunter2"), Internal, "internal", 500},
		{context.DeadlineExceeded, Timeout, "timeout", 504},
		{fmt.Errorf("gathering: %w", context.Canceled), Timeout, "timeout", 504},
		{New(NotFound, "y", "无", "none").Because(errors.New("password=hunter2")), NotFound, "y", 404},
	} {
		pub := Public(c.err)
		if KindOf(c.err) != c.kind || pub.Code != c.code || pub.Kind.HTTPStatus() != c.status {
			t.Errorf("%v: %s %s %d", c.err, KindOf(c.err), pub.Code, pub.Kind.HTTPStatus())
		}
		if strings.Contains(pub.Zh+pub.En, "hunter2") {
			t.Errorf("%v: the cause reaches the user", c.err)
		}
	}
}

func TestWrapKeepsTheFault(t *testing.T) {
	t.Parallel()
	f := func() (err error) {
		defer Wrap(&err, "op(%d)", 7)
		return New(Conflict, "z", "冲突", "conflict")
	}
	if err := f(); KindOf(err) != Conflict || !strings.HasPrefix(err.Error(), "op(7): z") {
		t.Error(err)
	}
}

func TestEveryKindHasNameStatusAndExitCode(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for k := Internal; k <= Timeout; k++ {
		if k.String() == "" || seen[k.String()] || k.HTTPStatus() < 400 || k.ExitCode() == 0 {
			t.Errorf("kind %d: %q %d %d", k, k, k.HTTPStatus(), k.ExitCode())
		}
		seen[k.String()] = true
	}
}
