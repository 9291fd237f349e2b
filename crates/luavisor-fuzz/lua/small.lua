local base64, time, uuid = require("base64"), require("time"), require("uuid")

-- Times, zones, identifiers.
return check(function(data)
    local first, second = halves(data)
    local parsed = time.parse(first, second)
    if parsed then parsed:format(first) end
    time.now():format(data)
    local duration = time.parse_duration(first)
    if duration then time.parse_duration(tostring(duration)) end
    time.load_location(second)
    pcall(os.date, first, 1)
    if uuid.validate(first) then
        for _, style in { "standard", "simple", "urn" } do assert(uuid.format(first, style)) end
    end
    uuid.parse(second)
    local bytes = base64.decode(second)
    assert(not bytes or base64.decode(base64.encode(bytes)) == bytes)
    process.registry.lookup(first)
    process.send(first, second)
end)
