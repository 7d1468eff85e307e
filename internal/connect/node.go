package connect

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/encoding/simplifiedchinese"

	"zhijia/internal/fault"
)

// Bounds of one record of a document.
const (
	maxDepth  = 64
	maxRecord = 8 << 20 // bytes
	maxToken  = 4 << 20 // bytes of one tag, text or comment
)

// node is an element of XML, by its local name, or an object of JSON. Of JSON as
// OPS writes it (BadgerFish) "@x" is an attribute and "$" the text.
type node struct {
	name string
	attr map[string]string
	text string
	kids []*node
}

// to returns the first element at a path of names, nil when there is none. Its
// methods work on nil.
func (n *node) to(path ...string) *node {
	for _, name := range path {
		if n == nil {
			return nil
		}
		i := slices.IndexFunc(n.kids, func(k *node) bool { return k.name == name })
		if i < 0 {
			return nil
		}
		n = n.kids[i]
	}
	return n
}

// all returns the children of a name.
func (n *node) all(name string) (out []*node) {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if k.name == name {
			out = append(out, k)
		}
	}
	return out
}

// deep returns every element of a name below.
func (n *node) deep(name string) (out []*node) {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if k.name == name {
			out = append(out, k)
		} else {
			out = append(out, k.deep(name)...)
		}
	}
	return out
}

// first is the first element of a name below.
func (n *node) first(name string) *node {
	if all := n.deep(name); len(all) > 0 {
		return all[0]
	}
	return nil
}

func (n *node) get(attr string) string {
	if n == nil {
		return ""
	}
	return strings.TrimSpace(n.attr[attr])
}

// words is the text of an element and of all below, with single blanks.
func (n *node) words() string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	var walk func(*node)
	walk = func(x *node) {
		b.WriteString(x.text)
		for _, k := range x.kids {
			b.WriteByte(' ')
			walk(k)
		}
	}
	walk(n)
	return strings.Join(strings.Fields(narrowBlanks(b.String())), " ")
}

func narrowBlanks(s string) string {
	return strings.NewReplacer("\u2002", " ", "\u3000", " ", "\u00a0", " ").Replace(s)
}

var errXML = fault.New(fault.Invalid, "file.xml", "XML 不完整或有错误，请重新下载。已读出的记录不受影响。", "The XML is cut off or broken; fetch it again. What was read before it is not affected.")

// decoder reads XML without external entities, in the encodings that the office
// writes.
func decoder(r io.Reader) *xml.Decoder {
	d := xml.NewDecoder(r)
	d.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		switch strings.ToLower(label) {
		case "utf-8", "utf8", "us-ascii":
			return in, nil
		case "gbk", "gb2312", "gb18030":
			return simplifiedchinese.GB18030.NewDecoder().Reader(in), nil
		}
		return nil, fmt.Errorf("the encoding %q is not read", label)
	}
	return d
}

// elements reads XML and hands over each element of the names wanted, whole. One
// that is too large or too deep is an error of its own, and reading goes on
// behind it.
func elements(r io.Reader, wanted func(name string) bool, yield func(*node, error) bool) error {
	in := &tokens{in: r}
	d := decoder(in)
	level := 0
	for {
		tok, err := d.Token()
		in.run = 0
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errXML.Because(err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if level++; level > maxDepth {
				return errXML.Because(errors.New("too deep"))
			}
			if !wanted(t.Name.Local) {
				continue
			}
			level--
			n, size, err := element(d, in, t)
			if err != nil {
				return err
			}
			if size > maxRecord {
				n, err = nil, fault.New(fault.TooLarge, "record.too_large", "该条记录超过 8 MB，已跳过。", "The record is larger than 8 MB and was skipped.")
			}
			if !yield(n, err) {
				return nil
			}
		case xml.EndElement:
			level--
		}
	}
}

// element reads one element whole. What is beyond the bound is not kept; size
// says how much there was.
func element(d *xml.Decoder, in *tokens, start xml.StartElement) (_ *node, size int, err error) {
	root := open(start, &size)
	stack, texts := []*node{root}, []*strings.Builder{{}}
	for len(stack) > 0 {
		tok, err := d.Token()
		in.run = 0
		if err != nil {
			return nil, size, errXML.Because(err)
		}
		top := stack[len(stack)-1]
		switch t := tok.(type) {
		case xml.StartElement:
			if len(stack) >= maxDepth {
				return nil, size, errXML.Because(errors.New("too deep"))
			}
			n := open(t, &size)
			if size <= maxRecord {
				top.kids = append(top.kids, n)
			}
			stack, texts = append(stack, n), append(texts, &strings.Builder{})
		case xml.EndElement:
			last := len(stack) - 1
			top.text = texts[last].String()
			stack, texts = stack[:last], texts[:last]
		case xml.CharData:
			if size += len(t); size <= maxRecord {
				texts[len(texts)-1].Write(t)
			}
		}
	}
	return root, size, nil
}

// open begins an element and adds to size what it takes; attributes beyond the bound are not kept.
func open(t xml.StartElement, size *int) *node {
	n := &node{name: t.Name.Local, attr: map[string]string{}}
	*size += 128 + len(t.Name.Local)
	for _, a := range t.Attr {
		if *size += 64 + len(a.Name.Local) + len(a.Value); *size <= maxRecord {
			n.attr[a.Name.Local] = a.Value
		}
	}
	return n
}

// tokens bounds one tag, text or comment, which the XML reader keeps in memory: run is what was read since the last.
type tokens struct {
	in  io.Reader
	run int
}

func (t *tokens) Read(p []byte) (int, error) {
	n, err := t.in.Read(p)
	if t.run += n; t.run > maxToken {
		return 0, errors.New("one tag, text or comment is too long")
	}
	return n, err
}

// badgerfish turns JSON as OPS writes it to what its XML would be.
func badgerfish(name string, v any, depth int) []*node {
	if _, local, ok := strings.Cut(name, ":"); ok {
		name = local
	}
	if depth > maxDepth {
		return nil
	}
	switch x := v.(type) {
	case []any:
		var out []*node
		for _, one := range x {
			out = append(out, badgerfish(name, one, depth+1)...)
		}
		return out
	case map[string]any:
		n := &node{name: name, attr: map[string]string{}}
		for _, k := range slices.Sorted(maps.Keys(x)) {
			switch {
			case k == "$":
				n.text = plain(x[k])
			case strings.HasPrefix(k, "@"):
				n.attr[k[1:]] = plain(x[k])
			default:
				n.kids = append(n.kids, badgerfish(k, x[k], depth+1)...)
			}
		}
		return []*node{n}
	}
	return []*node{{name: name, text: plain(v)}}
}

// plain writes a value of JSON as text; what is no single value is empty.
func plain(v any) string {
	switch x := v.(type) {
	case string:
		return strings.TrimSpace(x)
	case json.Number:
		return x.String()
	case bool:
		return fmt.Sprint(x)
	}
	return ""
}

// at follows a path of keys in JSON; a list on the way stands for its first
// member.
func at(v any, path ...string) any {
	for _, k := range path {
		if list, ok := v.([]any); ok {
			if len(list) == 0 {
				return nil
			}
			v = list[0]
		}
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

// many returns a list, or the one value that stands for it.
func many(v any) []any {
	switch x := v.(type) {
	case nil:
		return nil
	case []any:
		return x
	}
	return []any{v}
}

func texts(v any) (out []string) {
	for _, x := range many(v) {
		if s := plain(x); s != "" {
			out = append(out, s)
		}
	}
	return out
}
