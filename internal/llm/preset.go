package llm

// Preset is a documented starting point for a provider. Models, prices and
// parameters change at the provider: check there.
type Preset struct {
	Name     string  `json:"name"`
	BaseURL  string  `json:"base_url"`
	Model    string  `json:"model"`
	Mode     Mode    `json:"mode"`               // documented; a probe finds what is honoured
	Extra    string  `json:"extra,omitempty"`    // turns off thinking, which would use up the tokens of an answer
	Settings string  `json:"settings,omitempty"` // further settings it needs
	Batch    bool    `json:"batch"`              // files and batches are documented, for the models the provider lists
	PriceIn  float64 `json:"price_in"`           // yuan per million prompt tokens, as published; 0: own machine, or by contract
	PriceOut float64 `json:"price_out"`
	Source   string  `json:"source"`
	Checked  string  `json:"checked"`  // when the source was read
	Residing string  `json:"residing"` // where the text goes
}

// Presets are documented by the providers, not measured here.
func Presets() []Preset {
	const checked, inChina, abroad, own = "2026-11-26", "provider, mainland China", "provider, abroad", "own machine"
	return []Preset{
		{
			Name: "qwen", BaseURL: "https://dashscope.aliyuncs.com/compatible-mode/v1", Model: "qwen-plus", Mode: JSONObject, Extra: `{"enable_thinking":false}`,
			Batch: true, PriceIn: 0.8, PriceOut: 2, Source: "help.aliyun.com/zh/model-studio", Checked: checked, Residing: inChina,
		},
		{
			Name: "deepseek", BaseURL: "https://api.deepseek.com", Model: "deepseek-v4-flash", Mode: JSONObject, Extra: `{"thinking":{"type":"disabled"}}`,
			PriceIn: 1, PriceOut: 4, Source: "api-docs.deepseek.com", Checked: checked, Residing: inChina,
		},
		{
			Name: "glm", BaseURL: "https://open.bigmodel.cn/api/paas/v4", Model: "glm-4.6", Mode: JSONObject, Extra: `{"thinking":{"type":"disabled"}}`,
			Batch: true, Source: "docs.bigmodel.cn", Checked: checked, Residing: inChina,
		},
		{
			Name: "moonshot", BaseURL: "https://api.moonshot.cn/v1", Model: "kimi-k2-0905-preview", Mode: JSONObject,
			Source: "platform.moonshot.cn/docs", Checked: checked, Residing: inChina,
		},
		{
			Name: "openai", BaseURL: "https://api.openai.com/v1", Model: "gpt-4.1-mini", Mode: JSONSchema,
			Settings: "models that reason: --llm-tokens-name max_completion_tokens --llm-omit temperature", Batch: true, Source: "platform.openai.com/docs", Checked: checked, Residing: abroad,
		},
		{
			Name: "azure", BaseURL: "https://RESOURCE.openai.azure.com/openai/v1", Model: "DEPLOYMENT", Mode: JSONSchema,
			Settings: "--llm-key-header api-key", Source: "learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle", Checked: checked, Residing: "provider, the resource's region",
		},
		{
			Name: "azure-classic", BaseURL: "https://RESOURCE.openai.azure.com/openai/deployments/DEPLOYMENT", Model: "DEPLOYMENT", Mode: JSONSchema,
			Settings: "--llm-key-header api-key --llm-query api-version=2024-10-21 --llm-batch off", Source: "learn.microsoft.com/azure/ai-services/openai/reference", Checked: checked, Residing: "provider, the resource's region",
		},
		{
			Name: "vllm", BaseURL: "http://127.0.0.1:8000/v1", Model: "as served", Mode: JSONSchema, Extra: `{"chat_template_kwargs":{"enable_thinking":false}}`,
			Source: "docs.vllm.ai", Checked: checked, Residing: own,
		},
		{
			Name: "ollama", BaseURL: "http://127.0.0.1:11434/v1", Model: "as pulled", Mode: JSONSchema,
			Settings: "OLLAMA_CONTEXT_LENGTH=24000 on the server (its default of 4096 cuts the text), and --llm-window 24000", Source: "docs.ollama.com", Checked: checked, Residing: own,
		},
		{
			Name: "llama.cpp", BaseURL: "http://127.0.0.1:8080/v1", Model: "as loaded", Mode: JSONSchema,
			Settings: "llama-server -c 24000; --reasoning-budget 0 where the model thinks", Source: "github.com/ggml-org/llama.cpp/tree/master/tools/server", Checked: checked, Residing: own,
		},
		{
			Name: "lmstudio", BaseURL: "http://127.0.0.1:1234/v1", Model: "as loaded", Mode: JSONSchema,
			Settings: "set the context length when loading the model, and --llm-window to the same", Source: "lmstudio.ai/docs", Checked: checked, Residing: own,
		},
		{
			Name: "portkey", BaseURL: "http://127.0.0.1:8787/v1", Model: "as routed", Mode: JSONObject,
			Settings: "--llm-header x-portkey-provider=openai; any gateway takes its own headers this way", Source: "portkey.ai/docs", Checked: checked, Residing: "the gateway's, then the provider's",
		},
	}
}
