package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
)

type object = map[string]any

// TestDocumentDescribesEveryRouteAndType holds openapi.json against the routes and the api package's types.
func TestDocumentDescribesEveryRouteAndType(t *testing.T) {
	b, err := json.MarshalIndent(describe(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "openapi.json", append(b, '\n'))
}

// TestEveryRouteInTheDocumentIsServed asks each path and method of the embedded document: none may be unknown.
func TestEveryRouteInTheDocumentIsServed(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	h := declared(t).server().Handler()
	n := 0
	for path, methods := range doc.Paths {
		for method := range methods {
			w := httptest.NewRecorder()
			target := "http://localhost" + strings.ReplaceAll(path, "{site}", "azure")
			h.ServeHTTP(w, httptest.NewRequest(strings.ToUpper(method), target, nil))
			if w.Code == http.StatusMethodNotAllowed || w.Code == http.StatusNotFound && !strings.Contains(w.Body.String(), "endpoint") && !strings.Contains(w.Body.String(), "override") && !strings.Contains(w.Body.String(), "group") {
				t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
			}
			n++
		}
	}
	if n != len(routes()) {
		t.Errorf("the document has %d operations, the handlers %d", n, len(routes()))
	}
}

func describe() object {
	schemas, paths := object{}, object{}
	schemas["Problem"] = schema(reflect.TypeFor[api.Problem](), schemas)
	schemas["Event"] = schema(reflect.TypeFor[api.Event](), schemas)
	for _, r := range routes() {
		path, _ := paths[r.path].(object)
		if path == nil {
			path = object{}
			paths[r.path] = path
		}
		path[strings.ToLower(r.method)] = operation(&r, schemas)
	}
	return object{
		"openapi": "3.1.0",
		"info": object{"title": "failoverdns admin API", "version": "1",
			"description": "Every answer carries the log index and the state's age. Times are RFC 3339, durations seconds. Errors are problem documents (RFC 9457). A write carries an ID in the header " + api.RequestIDHeader + ", so that it may be repeated."},
		"paths": paths,
		"components": object{"schemas": schemas, "securitySchemes": object{
			"token":       object{"type": "http", "scheme": "bearer", "description": "each operation names the least role of the token: read, operate or admin"},
			"certificate": object{"type": "mutualTLS", "description": "of the client, with its role"},
		}},
	}
}

func operation(r *route, schemas object) object {
	var params []object
	for _, p := range r.all() {
		params = append(params, object{"name": p.name, "in": "query", "description": p.text, "schema": object{"type": p.typ}})
	}
	if strings.Contains(r.path, "{site}") {
		params = append(params, object{"name": "site", "in": "path", "required": true, "description": "site ID or name, escaped", "schema": object{"type": "string"}})
	}
	if r.write != nil {
		params = append(params, object{"name": api.RequestIDHeader, "in": "header", "description": "names the write", "schema": object{"type": "string", "maxLength": api.MaxRequestID}})
	}
	binary := object{r.media: object{"schema": object{"type": "string", "format": "binary"}}}
	answer := object{api.JSON: object{"schema": answerSchema(r.answer, schemas)}}
	if r.special != nil && r.media != "" {
		answer = binary
	}
	op := object{"summary": r.text, "security": []object{{"token": []string{r.least.String()}}, {"certificate": []string{r.least.String()}}}, "responses": object{
		"200":     object{"description": "done", "content": answer},
		"default": object{"description": "refused", "content": object{api.ProblemJSON: object{"schema": ref("Problem")}}},
	}}
	if params != nil {
		op["parameters"] = params
	}
	if r.write != nil && r.media != "" {
		op["requestBody"] = object{"required": true, "content": binary}
	}
	if r.body != nil {
		op["requestBody"] = object{"required": true, "content": object{api.JSON: object{"schema": answerSchema(r.body, schemas)}}}
	}
	return op
}

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

func answerSchema(v any, schemas object) object {
	if v == nil {
		return object{"type": "object"}
	}
	return schemaRef(reflect.TypeOf(v), schemas)
}

func schemaRef(t reflect.Type, schemas object) object {
	if _, ok := schemas[t.Name()]; !ok {
		schemas[t.Name()] = nil // for types that hold themselves
		schemas[t.Name()] = schema(t, schemas)
	}
	return ref(t.Name())
}

// schema is the JSON schema of a struct; embedded structs become part of it.
func schema(t reflect.Type, schemas object) object {
	properties, required := object{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			inner := schema(f.Type, schemas)
			for k, v := range inner["properties"].(object) {
				properties[k] = v
			}
			required = append(required, inner["required"].([]string)...)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		properties[name] = typeSchema(f.Type, schemas)
		if options == "" {
			required = append(required, name)
		}
	}
	return object{"type": "object", "properties": properties, "required": required}
}

func typeSchema(t reflect.Type, schemas object) object {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t.Kind() == reflect.Pointer:
		return typeSchema(t.Elem(), schemas)
	case t.Kind() == reflect.Struct:
		return schemaRef(t, schemas)
	case t.Kind() == reflect.Slice:
		return object{"type": "array", "items": typeSchema(t.Elem(), schemas)}
	case t.Kind() == reflect.Map:
		return object{"type": "object", "additionalProperties": typeSchema(t.Elem(), schemas)}
	case t.Kind() == reflect.Bool:
		return object{"type": "boolean"}
	case t.Kind() == reflect.String:
		return object{"type": "string"}
	case t.Kind() == reflect.Float64:
		return object{"type": "number"}
	}
	return object{"type": "integer"}
}
