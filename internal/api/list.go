package api

import (
	"context"

	"zhijia/internal/appraisal"
	"zhijia/internal/people"
)

// PageQuery chooses a page of a list.
type PageQuery struct {
	Cursor string `query:"cursor" maxLength:"1200" doc:"The next_cursor of the page before; none: from the beginning."`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Lines of a page."`
}

// Page says how to go on in a list.
type Page struct {
	HasMore    bool   `json:"has_more"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Give it as cursor to read the next page; absent on the last."`
}

func pageTo(next string) Page { return Page{HasMore: next != "", NextCursor: next} }

// reply is an answer with a body of its own type.
type reply[T any] struct{ Body T }

// each describes every line of a list; the result is never nil.
func each[T, U any](lines []T, describe func(*T) U) []U {
	out := make([]U, len(lines))
	for i := range lines {
		out[i] = describe(&lines[i])
	}
	return out
}

// actor is the caller as the use cases know it.
func actor(ctx context.Context) appraisal.Actor { return people.Of(ctx).Actor() }
