local base64 = require("base64")
local hash = require("hash")
local json = require("json")
local uuid = require("uuid")
local yaml = require("yaml")

local ORDER = [[
customer: ada
items: [{ drink: tea, cups: 2 }, { drink: mate, cups: 1 }]
]]

-- An order comes as YAML and goes on as JSON, with a name that is always the same for the same order.
local function run()
	local order, err = yaml.decode(ORDER)
	if err then
		return nil, err
	end
	local text = json.encode(order)
	local schema = { type = "object", required = { "customer", "address" } }
	local valid, why = json.validate(schema, order)
	local id = uuid.v5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", text)
	local packed = payload.new(order):transcode(payload.format.MSGPACK)
	return {
		text,
		`valid: {valid}, {why}`,
		`id: {id}, digest: {string.sub(base64.encode(hash.sha256(text, true)), 1, 8)}`,
		`as {packed:get_format()}: for {packed:data().customer}`,
	}
end

return { run = run }
