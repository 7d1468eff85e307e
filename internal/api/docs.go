package api

import (
	"embed"
	"net/http"
	"path"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
)

//go:embed assets
var assets embed.FS

var assetTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
}

// registerDocs serves the specification and a page that renders it. The page
// needs no network but this server.
func registerDocs(_ huma.API, s *Server) {
	spec := sync.OnceValues(s.OpenAPI)
	s.raw(huma.Operation{OperationID: "openapi", Method: http.MethodGet, Path: "/openapi.json", Hidden: true}, func(c *gin.Context) error {
		b, err := spec()
		if err != nil {
			return err
		}
		c.Data(http.StatusOK, "application/json; charset=utf-8", b)
		return nil
	})
	s.raw(huma.Operation{OperationID: "docs", Method: http.MethodGet, Path: "/docs", Hidden: true}, func(c *gin.Context) error {
		return serveAsset(c, "docs.html")
	})
	s.raw(huma.Operation{OperationID: "docs-asset", Method: http.MethodGet, Path: "/docs/{asset}", Hidden: true}, func(c *gin.Context) error {
		return serveAsset(c, c.Param("asset"))
	})
}

func serveAsset(c *gin.Context, name string) error {
	b, err := assets.ReadFile("assets/" + path.Base(name))
	if err != nil {
		return fault.New(fault.NotFound, "asset.unknown", "没有这个文件。", "There is no such file.")
	}
	c.Data(http.StatusOK, assetTypes[path.Ext(name)], b)
	return nil
}
