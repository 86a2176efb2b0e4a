// The standard packages, by their own names: `npm install @openfeature/server-sdk @openfeature/flagd-provider @grpc/grpc-js`.
const { OpenFeature } = require('@openfeature/server-sdk')
const { FlagdProvider } = require('@openfeature/flagd-provider')

module.exports = { OpenFeature, FlagdProvider }
