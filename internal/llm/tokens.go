package llm

// Tokens is a bound on the tokens of a text from above: one per character of
// the wide scripts, one per digit and one per three others. The tokenizers of
// Qwen3 and DeepSeek take 0.72 and 0.64 a character on Chinese patents, so that
// there it is a third too high.
func Tokens(s string) int {
	thirds := 0
	for _, r := range s {
		thirds += weight(r)
	}
	return (thirds + 2) / 3
}

// leastTokens is a bound from below: no tokenizer in use joins more than two
// and a half wide characters or ten others to a token on average. An endpoint
// that counts fewer did not read the whole text.
func leastTokens(s string) int {
	wide, narrow := 0, 0
	for _, r := range s {
		if r >= 0x2E80 {
			wide++
		} else {
			narrow++
		}
	}
	return wide*2/5 + narrow/10
}

// Cut returns the longest prefix of at most limit tokens, and whether anything
// was left out.
func Cut(s string, limit int) (string, bool) {
	thirds := 0
	for i, r := range s {
		thirds += weight(r)
		if thirds > 3*limit {
			return s[:i], true
		}
	}
	return s, false
}

// CutFront returns the longest suffix of at most limit tokens.
func CutFront(s string, limit int) (string, bool) {
	total := 0
	for _, r := range s {
		total += weight(r)
	}
	if total <= 3*limit {
		return s, false
	}
	for i, r := range s {
		if total <= 3*limit {
			return s[i:], true
		}
		total -= weight(r)
	}
	return "", true
}

// weight is what a character counts for, in thirds of a token.
func weight(r rune) int {
	if r >= 0x2E80 || '0' <= r && r <= '9' {
		return 3
	}
	return 1
}
