-- Who may do what: a function that is called for somebody with a scope.
local funcs = require("funcs")
local security = require("security")

local function run()
	local lines = {}
	local function say(...)
		table.insert(lines, table.concat({ ... }, " "))
	end

	local staff = security.named_scope("app:staff")
	for _, name in { "ada", "joan" } do
		local actor = security.new_actor(`user:{name}`, { name = name })
		local visit = funcs.new():with_actor(actor):with_scope(staff)
		say(name, visit:call("app:visit"))
	end
	say("outside:", tostring(security.can("read", "order:1", { owner = "user:ada" })))

	local nobody = funcs.new():with_actor(security.new_actor("nobody")):with_scope(security.new_scope())
	local text = nobody:call("app:visit")
	say("nobody", text)
	return lines
end

return { run = run }
