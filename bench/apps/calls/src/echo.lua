return { run = function(value) return value end }
