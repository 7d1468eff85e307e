package llm

import (
	"encoding/json"
	"errors"
	"strings"

	"zhijia/internal/strict"
)

// badAnswer is an answer that arrived and cannot be used; its code is counted.
type badAnswer string

func (b badAnswer) Error() string { return "unusable answer: " + string(b) }

// Reasons an answer as a whole cannot be used.
const (
	VoidEmpty    = "empty_answer"       // no content
	VoidThought  = "only_thought"       // it thought and did not answer: turn reasoning off
	VoidRefused  = "refused"            // the model refuses
	VoidFiltered = "filtered"           // the provider's filter took the answer
	VoidLength   = "truncated"          // cut by the limit of tokens
	VoidFinish   = "unfinished"         // ended for a reason that is not an end
	VoidTool     = "unknown_tool"       // it called something that was not offered
	VoidJSON     = "not_json"           // no JSON object
	VoidObjects  = "two_objects"        // more than one JSON object
	VoidTwice    = "contradicts_itself" // one member said twice, in any letter case
	VoidWindow   = "context_cut"        // the endpoint read less than was sent
)

// toolName is the function an endpoint of mode tool is made to call.
const toolName = "submit"

// completion is what is read of a chat completion: the content may be a
// string, null, or parts.
type completion struct {
	Choices []struct {
		Finish  *string `json:"finish_reason"`
		Message *struct {
			Content   json.RawMessage `json:"content"`
			Refusal   *string         `json:"refusal"`
			Reasoning *string         `json:"reasoning_content"`
			Tools     []struct {
				Function called `json:"function"`
			} `json:"tool_calls"`
			Function *called `json:"function_call"`
		} `json:"message"`
	} `json:"choices"`
	Usage *struct {
		Prompt int64 `json:"prompt_tokens"`
		Answer int64 `json:"completion_tokens"`
	} `json:"usage"`
}

type called struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// text returns what the model answered, by these rules:
//   - a refusal, a filtered, an unfinished and a cut answer are none;
//   - a call of the offered function answers by its arguments, a call of
//     anything else is void;
//   - thought is never an answer: reasoning_content is not read;
//   - content in parts is joined.
func (r *completion) text() (string, error) {
	if len(r.Choices) == 0 || r.Choices[0].Message == nil {
		return "", badAnswer(VoidEmpty)
	}
	choice, m := r.Choices[0], r.Choices[0].Message
	if m.Refusal != nil && *m.Refusal != "" {
		return "", badAnswer(VoidRefused)
	}
	finish := ""
	if choice.Finish != nil {
		finish = *choice.Finish
	}
	switch finish {
	case "", "stop", "tool_calls", "function_call", "eos", "eos_token", "end_turn", "stop_sequence":
	case "length", "max_tokens", "model_length":
		return "", badAnswer(VoidLength)
	case "content_filter", "sensitive", "safety":
		return "", badAnswer(VoidFiltered)
	default:
		return "", badAnswer(VoidFinish)
	}
	calls := make([]called, 0, 1)
	for _, t := range m.Tools {
		calls = append(calls, t.Function)
	}
	if m.Function != nil {
		calls = append(calls, *m.Function)
	}
	switch {
	case len(calls) == 1 && calls[0].Name == toolName:
		return calls[0].Arguments, nil
	case len(calls) > 0:
		return "", badAnswer(VoidTool)
	}
	text := ""
	if json.Unmarshal(m.Content, &text) != nil {
		var parts []struct {
			Text string `json:"text"`
		}
		if len(m.Content) > 0 && json.Unmarshal(m.Content, &parts) != nil {
			return "", badAnswer(VoidEmpty)
		}
		for _, p := range parts {
			text += p.Text
		}
	}
	if strings.TrimSpace(text) == "" {
		if m.Reasoning != nil && *m.Reasoning != "" {
			return "", badAnswer(VoidThought)
		}
		return "", badAnswer(VoidEmpty)
	}
	return text, nil
}

// Object returns the one JSON object an answer holds, by these rules:
//   - everything up to the last </think> is thought and is dropped; a <think>
//     that does not end is no answer;
//   - what stands before and after the object (a preface, a code fence, a
//     closing word) is dropped;
//   - two objects are void, even equal ones: which is meant is not ours to say;
//   - an object that says one member twice, in any letter case and at any
//     depth, is void.
func Object(text string) (json.RawMessage, error) {
	if i := strings.LastIndex(text, "</think>"); i >= 0 {
		text = text[i+len("</think>"):]
	} else if strings.HasPrefix(strings.TrimSpace(text), "<think>") {
		return nil, badAnswer(VoidThought)
	}
	var found json.RawMessage
	for rest := text; ; {
		i := strings.IndexByte(rest, '{')
		if i < 0 {
			break
		}
		rest = rest[i:]
		dec := json.NewDecoder(strings.NewReader(rest))
		var object json.RawMessage
		if dec.Decode(&object) != nil {
			rest = rest[1:]
			continue
		}
		if found != nil {
			return nil, badAnswer(VoidObjects)
		}
		found, rest = object, rest[dec.InputOffset():]
	}
	switch {
	case found == nil:
		return nil, badAnswer(VoidJSON)
	case errors.Is(strict.Check(found), strict.ErrDuplicate):
		return nil, badAnswer(VoidTwice)
	}
	return found, nil
}
