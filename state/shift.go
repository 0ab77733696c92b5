package state

import "reflect"

// clocks are the fields that hold a cluster clock, in the rows of the state's tables and in what rows are made of. A row
// that comes from another cluster, or from an earlier time of this one, has them moved, so that what is left of each
// expiry stays what it was.
var clocks = map[string][]string{
	"Admission":   {"At"},
	"Endpoint":    {"Since"},
	"Vote":        {"At", "FirstFailed"},
	"Group":       {"ActiveSince", "DrillsSince"},
	"SiteState":   {"Since", "HeldTill", "Returned"},
	"Switch":      {"Since"},
	"Drill":       {"Started", "Ended"},
	"DrillHealth": {"At"},
	"Pin":         {"Since", "Expires"},
	"Override":    {"Since", "Expires"},
	"Window":      {"Since", "Starts", "Ends", "Decided"},
	"Offer":       {"At"},
	"Target":      {"At"},
	"Upload":      {"At"},
	"Event":       {"Clock"},
	"Incident":    {"FirstFailed", "FirstVote", "Decided", "Returned", "Back"},
	"Audit":       {"Clock"},
	"Token":       {"Created", "Expires", "LastUse", "Ended"},
	"Delivery":    {"At"},
}

// moved is a row with its clocks moved. A clock that is 0 says never, or not yet, and stays 0.
func moved[V any](row V, by Clock) V {
	if by == 0 {
		return row
	}
	return movedValue(reflect.ValueOf(row), by).Interface().(V)
}

func movedValue(v reflect.Value, by Clock) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || v.Elem().Kind() != reflect.Struct {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(movedValue(v.Elem(), by))
		return out
	case reflect.Slice:
		if v.IsNil() || v.Type().Elem().Kind() != reflect.Struct && v.Type().Elem().Kind() != reflect.Pointer {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(movedValue(v.Index(i), by))
		}
		return out
	case reflect.Struct:
		if v.Type().PkgPath() != reflect.TypeFor[State]().PkgPath() {
			return v
		}
		return movedStruct(v, by)
	}
	return v
}

func movedStruct(v reflect.Value, by Clock) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() {
			out.Field(i).Set(movedValue(v.Field(i), by))
		}
	}
	for _, name := range clocks[v.Type().Name()] {
		if f := out.FieldByName(name); !f.IsZero() {
			f.SetInt(f.Int() + int64(by))
		}
	}
	return out
}
