package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
)

func TestCompute(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args, in string
		code     int
		want     string // in standard output, or in standard error when the code is not 0
	}{
		{"compute present_value --json", `{"fv":500000,"r":0.1,"n":8}`, 0, `"value": 233253.69`},
		{"--json compute wacc", `{"E":700,"D":300,"ke":0.12,"kd":0.06,"tax":0.25}`, 0, `"workings"`},
		{"compute present_value", `{"fv":500000,"r":0.1,"n":8}`, 0, "discount_factor"},
		{"compute present_value --json", `{"fv":500000,"r":NaN,"n":8}`, 65, `"r"`},
		{"compute present_value --json", `{"fv":500000,"r":0.1}`, 65, `"n"`},
		{"compute present_value", `{"fv":500000,"r":0.1,"n":8,"q":1}`, 65, "q:"},
		{"compute no_such_method", `{}`, 66, "compute.method"},
		{"compute --list", ``, 0, "relief_from_royalty"},
		{"compute --list --json", ``, 0, `"real_option_black_scholes"`},
	} {
		var out, errs bytes.Buffer
		code := run(context.Background(), strings.Fields(c.args), strings.NewReader(c.in), &out, &errs)
		got := out.String()
		if c.code != 0 {
			got = errs.String()
		}
		if code != c.code || !strings.Contains(got, c.want) {
			t.Errorf("%s < %s: exit %d, %s%s", c.args, c.in, code, out.String(), errs.String())
		}
		if c.code == 0 && strings.Contains(c.args, "--json") && !json.Valid(out.Bytes()) {
			t.Errorf("%s: not JSON", c.args)
		}
	}
}
