package tracegen

import (
	"strconv"
	"time"
)

// UserProfile is a service that reads users' profiles from a database: 5 to
// 20 ms as a rule and 200 ms now and then, with celebrities whom many look at
// within a moment. Coalescing is right for it.
func UserProfile(seed uint64, requests int) Workload {
	return Workload{
		Seed: seed, Requests: requests, Rate: 2000, Keys: 100_000, Skew: 0.9,
		Load:       Sometimes(0.005, Constant(200*time.Millisecond), LogNormal(10*time.Millisecond, 20*time.Millisecond)),
		BurstEvery: 5 * time.Second, BurstSize: 200, BurstWithin: 20 * time.Millisecond,
		Clients: 50_000,
		Name:    func(b []byte, key int) []byte { return strconv.AppendInt(append(b, "/users/"...), int64(key), 10) },
	}
}

// AuditCheck is a service that checks whether its caller may do something, and
// writes each check to an audit log. Coalescing is wrong for it, whatever the
// figures are: calls that share a check would lack their entry.
func AuditCheck(seed uint64, requests int) Workload {
	return Workload{
		Seed: seed, Requests: requests, Rate: 1000, Keys: 500, Skew: 1.1,
		Load:    LogNormal(30*time.Millisecond, 80*time.Millisecond),
		Clients: 5000,
		Name: func(b []byte, key int) []byte {
			return append(strconv.AppendInt(append(b, "/documents/"...), int64(key), 10), "/access-check"...)
		},
	}
}

// TenantConfig is a service that reads the configuration of its caller's
// tenant. Coalescing is right for it when the tenant is part of the key, and
// gives one tenant's configuration to another when it is not.
func TenantConfig(seed uint64, requests int) Workload {
	return Workload{
		Seed: seed, Requests: requests, Rate: 1500, Keys: 1, Tenants: 200, Clients: 20_000,
		Load:       LogNormal(25*time.Millisecond, 90*time.Millisecond),
		BurstEvery: 10 * time.Second, BurstSize: 100, BurstWithin: 10 * time.Millisecond,
		Name: func(b []byte, _ int) []byte { return append(b, "config"...) },
	}
}
