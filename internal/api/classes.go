package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/embed"
)

type classesIn struct {
	Body struct {
		Text   string   `json:"text" minLength:"1" maxLength:"20000" doc:"Title, abstract or claim, in Chinese."`
		Stated []string `json:"stated,omitempty" maxItems:"50" doc:"IPC symbols stated for the text, to be held against it."`
		Limit  int      `json:"limit,omitempty" default:"5" minimum:"1" maximum:"20" doc:"Classes proposed at most."`
	}
}

func registerClasses(api huma.API, _ *Server) {
	huma.Register(api, huma.Operation{
		OperationID: "suggest-classes", Method: http.MethodPost, Path: "/v1/classes:suggest", Tags: []string{"classes"},
		Summary:     "按文本建议 IPC 小类 IPC subclasses proposed for a text, with probabilities",
		Description: "The answer of `zhijia classify --json`. Text in another language, names, nonsense and texts unlike those the model learned from get no class and the reason. Symbols stated are held against the text, and a strong contradiction is named. The text stays in this service and is not stored.",
	}, func(_ context.Context, in *classesIn) (*reply[embed.Suggestion], error) {
		return &reply[embed.Suggestion]{embed.Suggest(in.Body.Text, in.Body.Stated, in.Body.Limit)}, nil
	})
}
