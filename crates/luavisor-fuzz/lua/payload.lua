local formats = { payload.format.MSGPACK, payload.format.JSON, payload.format.YAML, payload.format.STRING }

-- What was read is copied, and written in every format.
return check(function(data)
    for _, format in formats do
        local given = payload.new(data, format)
        local value = given:data()
        if value ~= nil then
            assert(process.send(process.pid(), "copy", value))
            local copy = process.inbox():receive():payload():data()
            if type(value) ~= "userdata" and type(value) ~= "buffer" then same(value, copy) end
            for _, other in formats do given:transcode(other) end
        end
    end
end)
