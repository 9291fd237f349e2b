local yaml = require("yaml")

-- What was read is written and read again.
return check(function(data)
    local value = yaml.decode(data)
    if type(value) ~= "table" then return end
    local text, err = yaml.encode(value)
    if err then return end
    same(value, yaml.decode(text))
end)
