package onefold

// Scoped is a key within a scope: a tenant, a user, a locale. Equal keys in
// different scopes are different keys, so their loads are never shared. The
// load gets the scope from the key, not from one caller's context.
//
// S and K must be comparable; a Scoped is a value and may be copied.
type Scoped[S, K comparable] struct {
	Scope S
	Key   K
}

// In gives key within scope.
func In[S, K comparable](scope S, key K) Scoped[S, K] { return Scoped[S, K]{scope, key} }
