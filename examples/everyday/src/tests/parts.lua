local expect = require("expect")
local funcs = require("funcs")

return function()
	for _, part in { "funcs", "events", "security", "store", "entries", "formats", "machine", "texts", "files" } do
		local lines, err = funcs.call(`app:{part}`)
		expect.same(err, nil)
		for _, line in lines do
			print(part, line)
			expect.same(type(line), "string")
		end
	end
end
