local compress = require("compress")

local formats = { "gzip", "zlib", "deflate", "brotli", "zstd" }

-- What is broken is refused, what is large too; what was written is read again.
return check(function(data)
    for _, name in formats do
        local format = compress[name]
        local small = format.decode(data, { max_size = 65536 })
        assert(not small or #small <= 65536)
        format.decode(data, { dict = data })
        local packed = format.encode(data)
        assert(not packed or format.decode(packed) == data)
    end
    compress.zstd.inspect_dict(data)
end)
