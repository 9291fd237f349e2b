local env = require("env")
local logger = require("logger")
local system = require("system")

-- Where it runs, and under which settings.
local function run()
	local currency, err = env.get("CURRENCY")
	if err then
		return nil, err
	end
	logger:debug("machine looked at", { processors = system.runtime.cpu_count() })
	local _, refused = env.set("CURRENCY", "gold")
	return {
		`{os.platform} on {system.runtime.cpu_count() > 0 and "some" or "no"} processors`,
		`prices in {currency}; {refused:kind()}`,
		`the epoch: {os.date("!%Y-%m-%d %H:%M", 0)}`,
		`processes: {system.supervisor.state("app:processes").status}`,
	}
end

return { run = run }
