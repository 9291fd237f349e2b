-- Looks around with the rights of whoever it is called for.
local funcs = require("funcs")
local security = require("security")

local function visit()
	local order = { owner = "user:ada" }
	local seen = `reads: {security.can("read", "order:1", order)}`
	seen ..= `, changes: {security.can("change", "order:1", order)}`
	local price, err = funcs.call("app:quote", "tea")
	return `{seen}, price: {price or err:message()}`
end

return { visit = visit }
