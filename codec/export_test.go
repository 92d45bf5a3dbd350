package codec

// JSONOf is JSON with another limit than MaxJSON.
func JSONOf[V any](limit int) Codec[V] { return jsonCodec[V]{max: limit} }
