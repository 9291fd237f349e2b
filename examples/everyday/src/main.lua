local funcs = require("funcs")

-- A part is a function that returns the lines to print.
local PARTS = { "funcs", "events", "security", "store" }

return function()
	for _, part in PARTS do
		print(`-- {part}`)
		local lines, err = funcs.call(`app:{part}`)
		if err then
			return nil, err
		end
		for _, line in lines do
			print(line)
		end
	end
end
