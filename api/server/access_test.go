package server

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestEachRouteDemandsTheRoleThatTheListSays: a new route, or another role, shows in a review.
func TestEachRouteDemandsTheRoleThatTheListSays(t *testing.T) {
	var b strings.Builder
	for _, r := range routes() {
		fmt.Fprintf(&b, "%-8s%-7s%s\n", r.least, r.method, r.path)
	}
	compare(t, "testdata/roles.txt", []byte(b.String()))
}

func TestRouteThatNamesNoRoleIsForAdminOnly(t *testing.T) {
	forgotten := &route{method: "POST", path: "/v1/forgotten"}
	for role, ok := range map[access]bool{accessAdmin: true, accessOperate: false, accessRead: false} {
		i := &identity{kind: "token", name: "x", role: role}
		if err := i.may(forgotten); (err == nil) != ok {
			t.Errorf("%s: %v", role, err)
		}
	}
	if err := identityOf(httptest.NewRequest("GET", "/", nil)).may(&route{least: accessRead}); err == nil {
		t.Error("a request that the guard has not seen may read")
	}
}
