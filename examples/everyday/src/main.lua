local funcs = require("funcs")
local io = require("io")

-- A part is a function that returns the lines to print.
local PARTS = { "funcs", "events", "security", "store", "entries", "formats", "machine", "texts", "files" }

return function()
	for _, part in PARTS do
		io.print(`-- {part}`)
		local lines, err = funcs.call(`app:{part}`)
		if err then
			return nil, err
		end
		for _, line in lines do
			io.print(line)
		end
	end
end
