local json = require("json")

-- What was read is written and read again; a schema judges or is refused.
return check(function(data)
    local value, err = json.decode(data)
    if err then return end
    local text = json.encode(value)
    if not text then return end
    same(value, json.decode(text))
    json.validate(value, value)
    json.validate_string(data, text)
end)
