local json, registry = require("json"), require("registry")

-- Whatever the criteria are: an answer or an error.
return check(function(data)
    local criteria = json.decode(data)
    if type(criteria) == "table" then
        registry.find(criteria)
        pcall(registry.build_delta, criteria, {})
    end
    registry.get(data)
    local id = registry.parse_id(data)
    assert(id.ns == "" or `{id.ns}:{id.name}` == data)
end)
