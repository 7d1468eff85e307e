package pages

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A real browser signs in through the provider's form and is inside; it is signed
// out at the provider, and is out here.
func TestBrowserSignsInByProvider(t *testing.T) {
	t.Parallel()
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no browser (chromium) on this machine: the sign-in was not driven by one")
	}
	p := newProvider(t)
	ended := make(chan int, 1)
	p.users.ended = func(user string) { // what a provider does when a session ends there
		ended <- p.tell(t, func(claims map[string]any) { claims["sub"] = user })
	}
	// A browser as root has no sandbox of its own.
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(browser), chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()

	var inside, outside string
	if err := chromedp.Run(
		ctx,
		chromedp.Navigate(p.here+"/officer/sign-in"),
		chromedp.WaitVisible(`input[name="username"]`),
		chromedp.SendKeys(`input[name="username"]`, "test-user@127.0.0.1"),
		chromedp.SendKeys(`input[name="password"]`, "verysecure"),
		chromedp.Submit(`input[name="password"]`),
		chromedp.WaitVisible(`form[action="/officer/logout"]`),
		chromedp.Navigate(p.here+"/officer"),
		chromedp.Text(`body`, &inside),
	); err != nil {
		t.Fatalf("signing in: %v", err)
	}
	if !strings.Contains(inside, "新的估值") {
		t.Errorf("signed in, the page reads: %.300s", inside)
	}
	var hint string // the provider is told whose session ends by the token it gave
	if err := p.DB.Queue().QueryRow(t.Context(), `SELECT id_token FROM sessions WHERE id_token IS NOT NULL`).Scan(&hint); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Run(ctx, chromedp.Navigate(p.idp.URL+"/end_session?id_token_hint="+hint)); err != nil {
		t.Fatalf("signing out at the provider: %v", err)
	}
	if status := <-ended; status != 200 {
		t.Errorf("the provider's word was answered %d", status)
	}
	if err := chromedp.Run(ctx, chromedp.Navigate(p.here+"/officer"), chromedp.Text(`body`, &outside)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(outside, "新的估值") || !strings.Contains(outside, "登录") {
		t.Errorf("signed out at the provider, the page reads: %.300s", outside)
	}
}
