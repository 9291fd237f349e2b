local base64, crypto, hash = require("base64"), require("crypto"), require("hash")

local key = string.rep("k", 32)

-- What was written is read again; everything else has an answer.
return check(function(data)
    for _, cipher in { "aes", "chacha20" } do
        crypto.decrypt[cipher](data, key)
        crypto.decrypt[cipher](data, data, data)
        local closed = crypto.encrypt[cipher](data, key)
        assert(not closed or crypto.decrypt[cipher](closed, key) == data)
    end
    crypto.jwt.verify(data, key, "HS256", false)
    for _, algorithm in { "HS256", "RS256", "ES256" } do
        crypto.jwt.verify(data, data, algorithm, false)
        crypto.jwt.encode({ sub = data }, data, algorithm)
    end
    local token = crypto.jwt.encode({ sub = data }, key)
    assert(not token or crypto.jwt.verify(token, key, "HS256", false))
    base64.decode(data)
    hash.sha256(data)
end)
