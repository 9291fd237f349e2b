-- Row 16: plain computing.
local time = require("time")

local function fib(n)
    if n < 2 then return n end
    return fib(n - 1) + fib(n - 2)
end

-- Sun and four planets: position, velocity, mass.
local function bodies()
    local mass = 4 * math.pi * math.pi
    local list = { { x = 0, y = 0, z = 0, vx = 0, vy = 0, vz = 0, mass = mass } }
    for i = 1, 4 do
        local distance = 5 * i
        local speed = math.sqrt(mass / distance)
        list[i + 1] = { x = distance, y = 0, z = i / 10, vx = 0, vy = speed, vz = 0, mass = mass / 1000 / i }
    end
    return list
end

local function advance(list, step)
    local count = #list
    for i = 1, count do
        local a = list[i]
        for j = i + 1, count do
            local b = list[j]
            local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
            local square = dx * dx + dy * dy + dz * dz
            local pull = step / (square * math.sqrt(square))
            a.vx -= dx * b.mass * pull
            a.vy -= dy * b.mass * pull
            a.vz -= dz * b.mass * pull
            b.vx += dx * a.mass * pull
            b.vy += dy * a.mass * pull
            b.vz += dz * a.mass * pull
        end
    end
    for _, body in list do
        body.x += step * body.vx
        body.y += step * body.vy
        body.z += step * body.vz
    end
end

local workloads = {
    fib = function()
        fib(30)
    end,
    nbody = function()
        local list = bodies()
        for _ = 1, 1000000 do
            advance(list, 0.001)
        end
    end,
    tables = function()
        for _ = 1, 20 do
            local list, sum = {}, 0
            for i = 1, 100000 do
                list[i] = i
            end
            for _, value in list do
                sum += value
            end
        end
    end,
    strings = function()
        for _ = 1, 20 do
            local parts = {}
            for i = 1, 50000 do
                parts[i] = "item " .. i
            end
            local _ = table.concat(parts, ",")
        end
    end,
}

return function(name)
    local start = time.now()
    workloads[name]()
    print("RESULT " .. name, time.now():sub(start):nanoseconds() / 1e6, "ms")
end
