-- Calls: one after the other, several at once, with a context, with a deadline.
local funcs = require("funcs")
local time = require("time")

local function run()
	local lines = {}
	local function say(...)
		table.insert(lines, table.concat({ ... }, " "))
	end

	say("tea costs", funcs.call("app:quote", "tea"))
	local _, err = funcs.call("app:quote", "gold")
	say("gold:", err:kind(), err:message())

	-- Two of three at a time, as the pool of app:quote says.
	local futures = {}
	for _, drink in { "tea", "coffee", "milk" } do
		table.insert(futures, funcs.async("app:quote", drink))
	end
	for _, future in futures do
		say("answer:", future:channel():receive():data())
	end

	local abroad = funcs.new():with_context({ rate = 1.1 })
	say("abroad:", abroad:call("app:quote", "coffee"))

	local hasty = abroad:with_options({ timeout = 1 })
	local future = hasty:async("app:quote", "slow")
	local result = channel.select({ future:channel():case_receive(), time.after("10s"):case_receive() })
	say("slow:", result.value:kind(), result.value:message())
	return lines
end

return { run = run }
