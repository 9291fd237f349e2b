-- A process that is given all inputs.
local function check(try)
    return function()
        local inbox = process.inbox()
        while true do
            try(inbox:receive():payload():data())
        end
    end
end

local function same(a, b)
    if a == b or (a ~= a and b ~= b) then return end
    assert(type(a) == "table" and type(b) == "table", `{a} is not {b}`)
    for key, value in a do same(value, b[key]) end
    for key in b do assert(a[key] ~= nil, key) end
end

-- The two parts of an input.
local function halves(data)
    local zero = string.find(data, "\0", 1, true)
    if not zero then return data, data end
    return string.sub(data, 1, zero - 1), string.sub(data, zero + 1)
end
